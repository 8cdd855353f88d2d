"""Whether a recovered sample is certified, without ground truth: a battery of tests and what they rest on."""
