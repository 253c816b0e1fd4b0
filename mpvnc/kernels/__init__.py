"""The pixel loops, compiled where that was possible and in numpy everywhere."""
