"""Using a trained model: one photo (`colorizer`), the way ab gets to full size (`upsample`), many files (`folders`)."""
