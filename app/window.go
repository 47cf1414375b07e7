package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/options/assetserver"
	"github.com/wailsapp/wails/v2/pkg/options/linux"
	"github.com/wailsapp/wails/v2/pkg/runtime"

	"evident/lightclient/store"
)

// desktop is what the app asks of the window around the pages.
type desktop interface {
	// Send passes an event to the pages.
	Send(event string)
	// ChooseFiles shows the system's dialog; none when it was closed.
	ChooseFiles() ([]string, error)
	// ChooseFolder asks for a folder; empty when the dialog was closed.
	ChooseFolder() (string, error)
	// ChooseTarget asks where to save a file; empty when the dialog was closed.
	ChooseTarget(folder, name string) (string, error)
}

// Limits of the window's size, in pixels. The pages hold together down to the
// smallest; beyond the largest, what is remembered is not a size.
const (
	firstWidth, firstHeight = 1180, 800
	leastWidth, leastHeight = 480, 480
	mostWidth, mostHeight   = 16384, 16384
)

// windowSize is what is remembered of the window.
type windowSize struct {
	Width     int  `json:"width"`
	Height    int  `json:"height"`
	Maximised bool `json:"maximised"`
}

// frame describes the window of an app to Wails.
func frame(a *App, pages fs.FS) *options.App {
	remembered := filepath.Join(a.home.Dir, "window.json")
	size := readSize(remembered)
	var window atomic.Pointer[view] // nil: not open yet
	state := options.Normal
	if size.Maximised {
		state = options.Maximised
	}
	return &options.App{
		Title: title, Width: size.Width, Height: size.Height, MinWidth: leastWidth, MinHeight: leastHeight,
		WindowStartState: state,
		AssetServer:      &assetserver.Options{Assets: pages, Handler: a.shelf},
		Bind:             []any{a},
		DragAndDrop:      &options.DragAndDrop{EnableFileDrop: true},
		SingleInstanceLock: &options.SingleInstanceLock{
			UniqueId: instance(a.home.Dir),
			OnSecondInstanceLaunch: func(options.SecondInstanceData) {
				if v := window.Load(); v != nil {
					v.raise()
				}
			},
		},
		Linux: &linux.Options{ProgramName: "evident", WebviewGpuPolicy: linux.WebviewGpuPolicyNever},
		OnStartup: func(ctx context.Context) {
			v := &view{ctx}
			window.Store(v)
			a.start(ctx, v)
		},
		OnBeforeClose: func(context.Context) bool {
			if v := window.Load(); v != nil {
				writeSize(remembered, v.size()) // failing is no reason to keep the window open
			}
			return false
		},
		OnShutdown: func(context.Context) { a.close() },
	}
}

// title is the window's, and that of its dialogs: the same in every language.
const title = "Evident"

// instance names the one program of a home: another home may have its own.
func instance(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return "evident_" + hex.EncodeToString(sum[:8])
}

func readSize(path string) windowSize {
	first := windowSize{Width: firstWidth, Height: firstHeight}
	data, err := os.ReadFile(path)
	if err != nil {
		return first
	}
	var s windowSize
	if json.Unmarshal(data, &s) != nil || s.Width < leastWidth || s.Width > mostWidth || s.Height < leastHeight || s.Height > mostHeight {
		return first
	}
	return s
}

func writeSize(path string, s windowSize) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return store.WriteFile(path, data, 0o600)
}

// view is the window that Wails opened.
type view struct{ ctx context.Context }

func (v *view) raise() {
	runtime.WindowUnminimise(v.ctx)
	runtime.WindowShow(v.ctx)
}

func (v *view) size() windowSize {
	s := windowSize{Maximised: runtime.WindowIsMaximised(v.ctx)}
	s.Width, s.Height = runtime.WindowGetSize(v.ctx)
	return s
}

// Send implements desktop.
func (v *view) Send(event string) { runtime.EventsEmit(v.ctx, "evident", event) }

// ChooseFiles implements desktop.
func (v *view) ChooseFiles() ([]string, error) {
	return runtime.OpenMultipleFilesDialog(v.ctx, runtime.OpenDialogOptions{Title: title})
}

// ChooseFolder implements desktop.
func (v *view) ChooseFolder() (string, error) {
	return runtime.OpenDirectoryDialog(v.ctx, runtime.OpenDialogOptions{Title: title})
}

// ChooseTarget implements desktop.
func (v *view) ChooseTarget(folder, name string) (string, error) {
	return runtime.SaveFileDialog(v.ctx, runtime.SaveDialogOptions{Title: title, DefaultDirectory: folder, DefaultFilename: name, CanCreateDirectories: true})
}
