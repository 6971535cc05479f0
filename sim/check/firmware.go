package check

import "bootplan/rule"

// The rules below are broken by what firmware answers; the firmware reports them itself.

var imageRefusedRule = rule.Rule{
	ID: "image-refused", Severity: rule.Error,
	Title: "the firmware does not load the image",
	Text: "The headers of an EFI image must hold together, and firmware may ask for more: that the image promises, with " +
		"NX_COMPAT in its header, to need no memory that is writable and executable at once. Otherwise it is not started.",
	Example: "a kernel older than 6.7 on firmware with the policy strict-block",
	Sources: []string{
		"MdePkg/Library/BasePeCoffLib/BasePeCoff.c:PeCoffLoaderGetPeHeader (edk2-stable202502)",
		"UEFI CA memory mitigation requirements (2022-11-30)",
	},
}

var firmwareIgnoredRule = rule.Rule{
	ID: "firmware-ignored", Severity: rule.Warning,
	Title: "the firmware reports success and does nothing",
	Text: "A call that should change permissions, or free memory, returns EFI_SUCCESS without having done so. The caller " +
		"cannot know, and goes on as if it had. EDK2 since August 2025 keeps pages that are freed while they are not " +
		"readable and writable throughout; other cases are those of a policy that was made to show them.",
	Example: "FreePages of a page that the stub had made read-only: EFI_SUCCESS, and the page stays LoaderCode",
	Sources: []string{
		"MdeModulePkg/Core/Dxe/Mem/Page.c:CoreFreePages (edk2-stable202605)",
	},
}
