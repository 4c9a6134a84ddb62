"""The gate lab: messages taken apart, every number of it computed by a layer."""
