"""The center-based clusterers: NumPy alone, without anything of the deep wing."""
