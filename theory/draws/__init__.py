"""What one draw of rows is worth, which directions count as found, and how many draws find them all.

`one_draw` and `uneven_rows` have the chances of a single sample, `threshold` the zeros that a direction must
show, `coupon_collector` the number of samples, `simulation` the whole search without any formula.
"""
