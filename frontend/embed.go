// Package frontend holds the built pages of the explorer, one source for the
// desktop window and for the browsers that full nodes serve. It promises the
// files of the last `npm run build` and nothing else: no handler, no headers.
package frontend

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Pages returns the built pages with index.html at the root. Before the first
// build it holds only a placeholder.
func Pages() fs.FS {
	pages, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("frontend: " + err.Error()) // dist is embedded above, so it exists
	}
	return pages
}
