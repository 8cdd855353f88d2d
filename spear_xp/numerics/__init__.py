"""Linear algebra, classifiers and random numbers on any array library: nothing here knows of gradients."""
