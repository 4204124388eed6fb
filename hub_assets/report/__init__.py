"""What people are shown of a published week. Reads the warehouse; computes nothing."""
