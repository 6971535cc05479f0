package linux

// StubCommandLine is what the EFI stub makes of load options: the text up to a NUL or a
// line feed. 2048 bytes or more are cut at the last white space outside quotation marks;
// cut says so.
// Source: drivers/firmware/efi/libstub/efi-stub-helper.c:efi_convert_cmdline (v6.12).
func StubCommandLine(options string) (text string, cut bool) {
	safe, quoted := 0, false
	for i := range min(len(options), MaxCommandLine+1) {
		switch c := options[i]; {
		case c == 0 || c == '\n':
			return options[:i], false
		case c == '"':
			quoted = !quoted
		case !quoted && c < 0x80 && isSpace(c):
			safe = i
		}
	}
	if len(options) > MaxCommandLine {
		return options[:safe], true
	}
	return options, false
}
