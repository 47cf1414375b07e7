package casefile

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// InFull is how many records a certificate shows in full. A larger case has a
// table of them, and each record's facts in its folder.
const InFull = 8

const (
	thumbnailFolder = "thumbnails/"
	maxThumbnails   = 64
	maxThumbnail    = 256 << 10 // bytes
)

// Pictures decodes pictures. Whoever draws no pages brings no decoders.
type Pictures struct {
	Small func(file io.Reader) []byte              // as PNG; nil: the file is no picture of which a small one is made
	Check func(small []byte, file io.Reader) error // that a small one shows the file
}

// pictureEndings are those of files of which a small picture is tried.
var pictureEndings = []string{".gif", ".jpeg", ".jpg", ".png"}

func (r *Record) thumbnailEntry(index int) string {
	return thumbnailFolder + r.Short() + "/" + strconv.Itoa(index+1) + ".png"
}

// Thumbnail returns the small picture of an evidence file as PNG, if the package has one.
func (c *Case) Thumbnail(r *Record, index int) []byte { return c.thumbnails[r.thumbnailEntry(index)] }

// thumbnailParts makes small pictures of the files that are pictures, for the
// certificate. A file that is called one and is none has none.
func (c *Case) thumbnailParts(files []File, pictures Pictures) ([]part, error) {
	c.thumbnails = map[string][]byte{}
	if len(c.Records) > InFull || pictures.Small == nil {
		return nil, nil
	}
	var parts []part
	for _, f := range files {
		r := c.record(f.Record.String())
		name := r.contentEntry(f.Index)
		if len(parts) == maxThumbnails || !slices.ContainsFunc(pictureEndings, func(e string) bool { return strings.HasSuffix(name, e) }) {
			continue
		}
		small, err := f.small(pictures)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if small == nil {
			continue
		}
		p := generated(r.thumbnailEntry(f.Index), small)
		c.thumbnails[p.Name] = small
		parts = append(parts, p)
	}
	return parts, nil
}

func (f File) small(pictures Pictures) ([]byte, error) {
	content, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return pictures.Small(content), nil
}

// readThumbnails reads the small pictures of a package. Each is of a file that the package holds.
func (v *verification) readThumbnails() error {
	v.known.thumbnails = map[string][]byte{}
	for i, p := range v.places {
		if !strings.HasPrefix(p.name, thumbnailFolder) {
			continue
		}
		if len(v.known.Records) > InFull || len(v.known.thumbnails) == maxThumbnails || !v.isThumbnail(p.name) {
			return malformed("%s is not a small picture of a file in the package", p.name)
		}
		small, err := v.read(i, maxThumbnail)
		if err != nil {
			return err
		}
		v.known.thumbnails[p.name] = small
	}
	return nil
}

func (v *verification) isThumbnail(name string) bool {
	return slices.ContainsFunc(v.Manifest.Contents, func(x Content) bool {
		r := v.known.record(x.Record)
		return r != nil && r.thumbnailEntry(int(x.Index)) == name
	})
}

// checkThumbnail checks that the small picture of a file, if there is one, shows it; where pages are compared, since it is
// for them.
func (v *verification) checkThumbnail(r *Record, x Content) (bool, error) {
	small, ok := v.known.thumbnails[r.thumbnailEntry(int(x.Index))]
	if !ok || v.opts.Pages.Pictures.Check == nil {
		return true, nil
	}
	read := &readError{r: v.places[v.index(x.Entry)].content(v.r)}
	if err := v.opts.Pages.Pictures.Check(small, read); err != nil {
		return false, read.err
	}
	return true, nil
}

// readError keeps the error of reading, which is not the picture's fault.
type readError struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (r *readError) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		r.err = fmt.Errorf("read a picture: %w", err)
	}
	return n, err
}
