package parse

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"bootplan/memmap"
)

// sysfsNames are the words that sysfs uses for the types of recorded boots.
var sysfsNames = map[uint32]string{
	1: "System RAM", 2: "Reserved", 3: "ACPI Tables", 4: "ACPI Non-volatile Storage", 20: "Unknown E820 type",
}

// The firmware map in sysfs is the e820 table before anybody changed it, so it must
// be what the log shows as BIOS-e820.
func TestRecordedSysfsIsTheFirmwareMap(t *testing.T) {
	for _, name := range filesOf(t, bootsDir, "*.json") {
		var boot recordedBoot
		if base := filepath.Base(name); strings.HasSuffix(base, "_cases.json") || strings.HasPrefix(base, "kernels") {
			continue
		}
		readJSONFile(t, name, &boot)
		if len(boot.Sysfs) == 0 {
			continue
		}
		doc, err := Tree(sysfsTree(boot.Sysfs))
		if err != nil || len(doc.Problems) > 0 {
			t.Errorf("%s: %v %v", name, err, doc)
			continue
		}
		var want, got []string
		for _, e := range boot.E820 {
			want = append(want, fmt.Sprintf("%s-%s %s", e.Start, e.End, sysfsNames[recordedE820Types[e.Type]]))
		}
		for _, e := range doc.Maps[0].Entries {
			got = append(got, fmt.Sprintf("%#x-%#x %s", e.Addr, e.Addr+e.Size-1, resourceName(e.Type)))
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-log +sysfs):\n%s", name, diff)
		}
	}
}

func sysfsTree(entries []recordedEntry) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i, e := range entries {
		for name, text := range map[string]string{"start": e.Start, "end": e.End, "type": e.Type} {
			fsys[fmt.Sprintf("sys/firmware/memmap/%d/%s", i, name)] = &fstest.MapFile{Data: []byte(text + "\n")}
		}
	}
	return fsys
}

// The kernel changes RAM and low memory before it makes resources of the table, but
// leaves what firmware reserved above 1 MiB, though it may nest it.
func TestRecordedIomemHoldsWhatFirmwareReserved(t *testing.T) {
	checked := 0
	for _, name := range filesOf(t, bootsDir, "*.json") {
		var boot recordedBoot
		if base := filepath.Base(name); strings.HasSuffix(base, "_cases.json") || strings.HasPrefix(base, "kernels") {
			continue
		}
		readJSONFile(t, name, &boot)
		if len(boot.Iomem) == 0 || len(boot.E820) == 0 || len(boot.User) > 0 {
			continue
		}
		doc, err := Read(name, strings.NewReader(strings.Join(boot.Iomem, "\n")), "")
		if err != nil || doc.Form != Iomem || len(doc.Problems) > 0 {
			t.Errorf("%s: %v %v", name, err, doc)
			continue
		}
		got := stateEntries(&doc.Maps[0], false)
		for _, e := range boot.E820 {
			code := recordedE820Types[e.Type]
			if code == 1 || code == 20 || len(e.Start) < len("0x100000") || firmwareRemoved(boot, e) {
				continue
			}
			checked++
			if want := fmt.Sprintf("%s-%s %d ", e.Start, e.End, code); !slices.Contains(got, want) {
				t.Errorf("%s: no %q in %q", name, want, got)
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d entries checked", checked)
	}
}

// firmwareRemoved reports whether the log says that e is removed or changed.
func firmwareRemoved(boot recordedBoot, e recordedEntry) bool {
	return slices.ContainsFunc(boot.Changes, func(line string) bool {
		return strings.Contains(line, strings.TrimPrefix(e.Start, "0x")+"-")
	})
}

func TestTreeOfRuntimeMap(t *testing.T) {
	files := map[string]string{
		"10/type": "0x6", "10/phys_addr": "0x7eaa0000", "10/virt_addr": "0xfffffffeff2fe000", "10/num_pages": "0x102", "10/attribute": "0x800000000000000f",
		"9/type": "0xb", "9/phys_addr": "0xffc00000", "9/virt_addr": "0x0", "9/num_pages": "0x400", "9/attribute": "0x8000000000000001",
	}
	want := []memmap.EFIDescriptor{
		{Type: memmap.EFIMMIO, Phys: 0xffc00000, Pages: 0x400, Attr: memmap.EFIRuntime | memmap.EFIUC},
		{Type: memmap.EFIRuntimeServicesData, Phys: 0x7eaa0000, Virt: 0xfffffffeff2fe000, Pages: 0x102,
			Attr: memmap.EFIRuntime | memmap.EFIWB | memmap.EFIWT | memmap.EFIWC | memmap.EFIUC},
	}
	for _, root := range []string{"sys/firmware/efi/runtime-map/", "firmware/efi/runtime-map/", "efi/runtime-map/", ""} {
		fsys := fstest.MapFS{root + "notes.txt": &fstest.MapFile{}}
		for name, text := range files {
			fsys[root+name] = &fstest.MapFile{Data: []byte(text + "\n")}
		}
		doc, err := Tree(fsys)
		if err != nil {
			t.Errorf("%q: %v", root, err)
			continue
		}
		if diff := cmp.Diff(want, doc.Maps[0].Descriptors); diff != "" || doc.Form != EFIRuntimeMap {
			t.Errorf("%q: form %s, descriptors (-want +got):\n%s", root, doc.Form, diff)
		}
	}
}

func TestTreeNamesTheFileThatIsWrong(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	fsys := fstest.MapFS{
		"0/start": file("0x0\n"), "0/end": file("0x9fbff\n"), "0/type": file("System RAM\n"),
		"1/start": file("zero\n"), "1/end": file("0x9ffff\n"), "1/type": file("Reserved\n"),
		"2/start": file("0xf0000\n"), "2/end": file("0xfffff\n"),
		"3/start": file("0x100000\n"), "3/end": file("0x1fffff\n"), "3/type": file("Cheese\n"),
	}
	doc, err := Tree(fsys)
	if err != nil {
		t.Fatal(err)
	}
	if doc.Maps[0].Len() != 1 {
		t.Errorf("entries %v, want the one that is right", doc.Maps[0].Entries)
	}
	var got []string
	for _, p := range doc.Problems {
		got = append(got, p.Error())
	}
	want := []string{
		`1/start: expected a number such as 0x100000: "zero"`,
		`2/type: expected a file: file does not exist`,
		`3/type: expected a type such as System RAM, Reserved or ACPI Tables: "Cheese"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestTreeWithoutTreesFallsBackToIomem(t *testing.T) {
	doc, err := Tree(fstest.MapFS{"proc/iomem": &fstest.MapFile{Data: []byte("00001000-0009fbff : System RAM\n")}})
	if err != nil || doc.Form != Iomem || doc.Maps[0].Entries[0] != (memmap.E820Entry{Addr: 0x1000, Size: 0x9ec00, Type: memmap.E820RAM}) {
		t.Errorf("%+v, %v", doc, err)
	}
	if _, err := Tree(fstest.MapFS{"etc/motd": &fstest.MapFile{}}); err == nil || !strings.Contains(err.Error(), "expected sys/firmware/memmap") {
		t.Errorf("error %v, want one that says what is expected", err)
	}
}
