"""What directions, duals and masks are to each other in the coordinates of a Problem."""
