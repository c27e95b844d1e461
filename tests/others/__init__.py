"""Other projects' tests, run inside a job: what fails there and passes without is a promise that we broke."""
