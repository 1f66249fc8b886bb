// Command record writes, compressed, the samples that FindSignatures is tested
// against: of each image in a directory the bytes around its signatures, and
// what wipefs says of it.
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// window is a range of an image whose bytes are kept.
type window struct{ from, to int64 }

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: record DIR")
	}
	images, err := filepath.Glob(filepath.Join(os.Args[1], "*.img"))
	if err != nil {
		log.Fatal(err)
	}
	var text bytes.Buffer
	for _, image := range images {
		sample, want, err := record(image)
		if err == nil {
			err = verify(sample, want)
		}
		if err != nil {
			log.Printf("%s: %v", filepath.Base(image), err)
			continue
		}
		fmt.Fprintf(&text, "%s%s", want, sample)
	}
	z, err := gzip.NewWriterLevel(os.Stdout, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(text.Bytes())
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		log.Fatal(err)
	}
}

// record returns the lines of an image: its bytes, and its name, size and
// signatures.
func record(image string) (sample, want string, err error) {
	f, err := os.Open(image)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", "", err
	}
	found, err := wipefs(image)
	if err != nil {
		return "", "", err
	}
	windows := []window{{0, 2048}}
	for at := int64(0x8000); at < 0x10000; at += 2048 {
		windows = append(windows, window{at, at + 16})
	}
	want = fmt.Sprintf("sample %s %d\n", strings.TrimSuffix(filepath.Base(image), ".img"), info.Size())
	for _, line := range found {
		var at int64
		if _, err := fmt.Sscanf(line, "0x%x", &at); err != nil {
			return "", "", fmt.Errorf("%s: %w", line, err)
		}
		want += "want " + line + "\n"
		windows = append(windows, window{at &^ 511, at&^511 + 4096})
		// wipefs looks at more of these than at the magic bytes.
		switch line[strings.LastIndexByte(line, ' ')+1:] {
		case "udf":
			windows = append(windows, window{0, 4 << 20})
		case "ntfs":
			windows = append(windows, window{0x4000, 0x5000})
		case "gpt":
			windows = append(windows, window{at - 16<<10, at})
		}
	}
	if few, err := isFew(f); err != nil {
		return "", "", err
	} else if few {
		windows = []window{{0, info.Size()}}
	}
	rows := map[int64][]byte{}
	for _, w := range windows {
		for at := max(w.from, 0); at < w.to; at += 16 {
			row := make([]byte, 16)
			n, _ := f.ReadAt(row, at) // short at the end
			if !bytes.Equal(row[:n], make([]byte, n)) {
				rows[at] = row[:n]
			}
		}
	}
	places := make([]int64, 0, len(rows))
	for at := range rows {
		places = append(places, at)
	}
	slices.Sort(places)
	for _, at := range places {
		sample += fmt.Sprintf("at 0x%x %x\n", at, rows[at])
	}
	return sample, want, nil
}

// isFew reports whether the file holds so little that all of it can be kept.
func isFew(f *os.File) (bool, error) {
	used, row := 0, make([]byte, 4096)
	for at := int64(0); ; at += int64(len(row)) {
		n, err := f.ReadAt(row, at)
		used += n - bytes.Count(row[:n], []byte{0})
		if used > 512 {
			return false, nil
		}
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// verify reports whether wipefs finds the same on what the sample keeps.
func verify(sample, want string) error {
	lines := strings.Split(strings.TrimSpace(want), "\n")
	var name string
	var size int64
	if _, err := fmt.Sscanf(lines[0], "sample %s %d", &name, &size); err != nil {
		return err
	}
	f, err := os.CreateTemp("", "sample")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	for line := range strings.Lines(sample) {
		var at int64
		var row []byte
		if _, err := fmt.Sscanf(line, "at 0x%x %x", &at, &row); err != nil {
			return err
		}
		if _, err := f.WriteAt(row, at); err != nil {
			return err
		}
	}
	found, err := wipefs(f.Name())
	if err != nil {
		return err
	}
	if got, want := strings.Join(found, "\n"), strings.ReplaceAll(strings.Join(lines[1:], "\n"), "want ", ""); got != want {
		return fmt.Errorf("sample shows\n%s\nnot\n%s", got, want)
	}
	if len(found) == 0 {
		return fmt.Errorf("nothing found")
	}
	return nil
}

// wipefs returns lines of offset, length, usage and type.
func wipefs(image string) ([]string, error) {
	out, err := exec.Command("wipefs", "-n", "-i", "--noheadings", "-O", "OFFSET,LENGTH,USAGE,TYPE", image).Output()
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		found = append(found, strings.Join(strings.Fields(line), " "))
	}
	return found, nil
}
