"""Who decides: policies that place calls. Baselines never load torch."""
