"""Spectra of the system matrix A and of the training kernel G = J J^T."""
