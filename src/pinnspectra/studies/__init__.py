"""Studies made with all of it, which nothing but their commands imports."""
