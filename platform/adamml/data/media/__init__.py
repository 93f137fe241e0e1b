"""Media files to arrays, with bounds on everything that an untrusted file may ask for."""
