"""What ``throng verify`` checks, one concern per module."""
