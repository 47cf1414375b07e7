package casefile

import "io"

// Writer lets tests write packages that are wrong.
type Writer struct{ z writer }

func NewWriter(w io.Writer) *Writer { return &Writer{writer{w: w}} }

func (w *Writer) Add(name string, size int64, crc uint32, content io.Reader) error {
	return w.z.add(name, size, crc, content)
}

func (w *Writer) Close() error { return w.z.close() }

// Edition is edition.
const Edition = edition

// DigestOf is digestOf.
var DigestOf = digestOf

// OpenContainer returns the names of the entries.
func OpenContainer(r io.ReaderAt, size int64) ([]string, error) {
	places, err := openContainer(r, size)
	var names []string
	for _, p := range places {
		names = append(names, p.name)
	}
	return names, err
}
