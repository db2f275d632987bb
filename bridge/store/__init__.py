"""The one seam to the database; the only package that imports sqlalchemy. Blocking code only."""
