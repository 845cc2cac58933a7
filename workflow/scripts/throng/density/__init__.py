"""Points to density maps, and density labels."""
