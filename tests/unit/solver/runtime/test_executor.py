from spear_xp.candidates import Pool
from spear_xp.reduction import Problem
from spear_xp.solver.runtime.executor import Serial
from spear_xp.solver.runtime.schedule import Turn
from spear_xp.strategies import Sampling


def test_turns_are_run_in_order_and_only_when_they_are_asked_for(problem: Problem) -> None:
    sampler, asked = Sampling(chunk_size=64), []

    def keep_going() -> bool:
        asked.append(True)
        return True

    known = Pool(problem).known
    proposed = Serial().run([Turn(sampler, 3), Turn(sampler, 1)], problem, known, 5, keep_going)
    assert not asked
    for chunk in (3, 1):
        expected = sampler.propose(problem, known, 5, chunk)
        assert (next(proposed).directions == expected.directions).all()
