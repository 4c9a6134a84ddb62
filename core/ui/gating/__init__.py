"""The page "Does gating help?": the shipped ablation, and a small one run here."""
