"""Sequential recommendation: models that predict the next item of a history."""
