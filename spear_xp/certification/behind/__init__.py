"""What the layers behind prove of samples: their scale, their labels, and that none is several in one."""
