"""What the tests in Python share: a real Longshore of their own, and the means to strike it."""
