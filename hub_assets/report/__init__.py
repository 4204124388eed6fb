"""Text output for the terminal. Reads the lake and the warehouse; computes nothing."""
