package act

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"io"

	"evident/lightclient/ledger"
)

// linkMark stands before the draft in a link's fragment, which a browser sends to nobody.
const linkMark = "#/draft/"

// Link returns the draft as a link to the pages at that address, such as https://node.example.
func (d *Draft) Link(pages string) (string, error) {
	file, err := d.Bytes()
	if err != nil {
		return "", err
	}
	packed, err := pack(file)
	return pages + "/" + linkMark + packed, err
}

// ProofLink returns a proof file as a link to the pages at that address, which verify it.
func ProofLink(pages string, file []byte) (string, error) {
	packed, err := pack(file)
	return pages + "/#/verify/" + packed, err
}

func pack(file []byte) (string, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return "", fmt.Errorf("make a link: %w", err)
	}
	if _, err := w.Write(file); err != nil {
		return "", fmt.Errorf("make a link: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("make a link: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b.Bytes()), nil
}

// unlink returns the file that a link carries, and anything else as it is.
func unlink(data []byte) ([]byte, error) {
	i := bytes.Index(data, []byte(linkMark))
	if i < 0 || bytes.HasPrefix(data, []byte("{")) {
		return data, nil
	}
	packed, err := base64.RawURLEncoding.DecodeString(string(bytes.TrimSpace(data[i+len(linkMark):])))
	if err != nil {
		return nil, fmt.Errorf("read link: %w: it was cut, or changed on its way", ledger.ErrFormat)
	}
	file, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), MaxDraftSize+1))
	if err != nil {
		return nil, fmt.Errorf("read link: %w: %w", ledger.ErrFormat, err)
	}
	return file, nil
}
