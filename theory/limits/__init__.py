"""What no method, or no cheap one, can get past: the ends of exact recovery, of secrecy and of descent.

`exactness` says up to which batch zero patterns determine every sample, `signs` how far the signs of the
pre-activations pin the others, `masks` answers for the masks of an actual layer, `counting` for batches with
more samples than features.  `descent_cone` is where the l1 norm stops being least at a column, `filter_noise`
the noise at which a filter of zero rows gives up.
"""
