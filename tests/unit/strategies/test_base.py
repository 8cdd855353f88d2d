from spear_xp.reduction import Problem
from spear_xp.strategies.base import nothing


def test_no_proposals_join_others_and_say_whether_anything_was_tried(problem: Problem) -> None:
    assert nothing(problem).directions.shape == (problem.rank, 0)
    assert (nothing(problem).work, nothing(problem, work=7.0).work) == (0.0, 7.0)
