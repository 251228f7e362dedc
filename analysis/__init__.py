"""What happened: tail statistics and figures from recorded traces or from any array of latencies."""
