"""What fetching does: pure decisions (plan, schedule) and the runner that carries them out."""
