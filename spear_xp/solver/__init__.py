"""The search: strategies propose, candidates are kept, sets are assessed, and the best one is returned."""
