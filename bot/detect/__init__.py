"""Buckets, baseline, spike detector: pure, online, causal."""
