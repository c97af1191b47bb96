"""Spectra of what training inverts: the system matrix A and the kernel G = J J^T."""
