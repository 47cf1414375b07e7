package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"evident/fullnode/blobs"

	"github.com/urfave/cli/v3"
)

// readQuotas takes the quotas that flags name; the others stay as the configuration has them.
func readQuotas(c *cli.Command, q *blobs.Quotas) error {
	for name, field := range map[string]*int64{
		"files-kept": &q.Kept, "files-author": &q.Author, "files-waiting": &q.Waiting, "files-uploader": &q.Uploader,
	} {
		if !c.IsSet(name) {
			continue
		}
		size, err := parseSize(c.String(name))
		if err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
		*field = size
	}
	return nil
}

// parseSize reads a number of bytes, in one of the units that people use.
func parseSize(text string) (int64, error) {
	digits, unit := text, int64(1)
	for i, suffix := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if before, found := strings.CutSuffix(text, suffix); found {
			digits, unit = before, 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 1 || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q is not a size: want a number of bytes, or one with KiB, MiB, GiB or TiB", text)
	}
	return n * unit, nil
}
