"""The rehearsal: the built template and every command of an operator, in an emulator of AWS."""
