"""The one safe HTTP client."""
