// Package app is what the desktop adds to the light client: the window, the
// system's dialogs, the author's key, a queue that takes files from the disk to
// their proofs, folders whose files come to it by themselves, and the way back of
// what the members keep. Files of the user's stay where they are, and pass to the
// pages as paths; the bytes of a stored file pass only under a token, and never
// as anything that could run.
//
// The pages call one bound method, Invoke, with the methods of the table in
// lightclient/service, and listen to one event, "evident".
//
// The queue promises that a file that was handed over is stamped once, whatever
// stops the program: before it is signed its path lies in a journal, after that
// its record lies in the outbox.
package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/wailsapp/wails/v2/pkg/options"

	"evident/lightclient"
	"evident/lightclient/author"
	"evident/lightclient/home"
	"evident/lightclient/service"
	"evident/lightclient/service/drafts"
)

// App answers the pages of one window.
type App struct {
	home    home.Home
	nodes   []string // from the command line, before all others
	service *service.Service
	author  *writer
	queue   *queue

	ready  chan struct{} // closed when the fields below are set
	ctx    context.Context
	window desktop
	unfit  error // why this home cannot be used: another program has it

	stop    context.CancelFunc
	release func() // gives the home back
	work    sync.WaitGroup

	dialogs sync.Mutex // one dialog at a time
	digests *digests
	fetches *fetches
	shelf   *shelf
	watches *watches
}

// New reads the command line and describes the program's window to Wails. The
// home is read and written only when the window has started.
func New(args []string, pages fs.FS) (*options.App, error) {
	h := home.Default()
	var nodes []string
	flags := flag.NewFlagSet("evident-desktop", flag.ContinueOnError)
	flags.SetOutput(os.Stderr)
	flags.StringVar(&h.Dir, "home", h.Dir, "`folder` of keys, outbox and what the client remembers")
	flags.Func("node", "`URL` of a node to ask; may be given again", func(url string) error {
		nodes = append(nodes, url)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(h.Dir)
	if err != nil {
		return nil, fmt.Errorf("find the folder %s: %w", h.Dir, err)
	}
	return frame(newApp(home.Home{Dir: dir}, nodes), pages), nil
}

func newApp(h home.Home, nodes []string) *App {
	h.Vault = &author.Vault{Dir: h.Dir} // one for all, so that it is unlocked once
	a := &App{home: h, nodes: nodes, ready: make(chan struct{}), digests: newDigests(),
		fetches: &fetches{cancels: map[string]context.CancelFunc{}}}
	a.service = service.New(a.connect)
	a.author = &writer{home: h, service: a.service, node: lazyNode{start: startSwarm}}
	a.queue = newQueue(a.author, filepath.Join(h.Dir, "queue"), a.service.Emit)
	a.watches = newWatches(h.Dir, a.queue, a.service.Emit)
	a.shelf = &shelf{tell: a.service.Emit}
	service.Handle(a.service, "pickFiles", a.pickFiles)
	service.Handle(a.service, "inspect", a.inspect)
	service.Handle(a.service, "digest", a.digest)
	service.Handle(a.service, "cancel", a.cancel)
	service.Handle(a.service, "stamp", a.stamp)
	service.Handle(a.service, "stampStatus", a.stampStatus)
	service.Handle(a.service, "pause", a.pause)
	service.Handle(a.service, "resume", a.resume)
	service.Handle(a.service, "retry", a.retry)
	service.Handle(a.service, "clearFinished", a.clearFinished)
	service.Handle(a.service, "pickFolder", a.pickFolder)
	service.Handle(a.service, "watches", a.watched)
	service.Handle(a.service, "watch", a.watch)
	service.Handle(a.service, "unwatch", a.unwatch)
	service.Handle(a.service, "makeKey", a.makeKey)
	service.Handle(a.service, "unlock", a.unlock)
	service.Handle(a.service, "openEvidence", a.openEvidence)
	service.Handle(a.service, "closeEvidence", a.closeEvidence)
	service.Handle(a.service, "saveEvidence", a.saveEvidence)
	service.Handle(a.service, "recipient", a.recipient)
	service.Handle(a.service, "share", a.share)
	service.Handle(a.service, "erase", a.erase)
	service.Handle(a.service, "receive", a.receive)
	service.Handle(a.service, "backup", a.backup)
	service.Handle(a.service, "restore", a.restore)
	service.Handle(a.service, "saveProof", a.saveProof)
	service.Handle(a.service, "saveText", a.saveText)
	drafts.Provide(a.service, ring{a})
	service.Handle(a.service, "verifyPackage", a.verifyPackage)
	service.Handle(a.service, "export", a.export)
	service.Handle(a.service, "keys", a.keys)
	return a
}

// Invoke answers a call of the pages. It is the only method that they see.
func (a *App) Invoke(method, params string) string {
	<-a.ready
	return string(a.service.Invoke(a.ctx, method, []byte(params)))
}

// start takes the home, follows the ledger and goes on with the queue.
func (a *App) start(ctx context.Context, window desktop) {
	a.ctx, a.stop = context.WithCancel(ctx)
	a.window = window
	a.service.Subscribe(func(event []byte) { window.Send(string(event)) })
	a.unfit = a.open()
	close(a.ready)
	if a.unfit != nil {
		return
	}
	a.work.Go(func() { a.service.Run(a.ctx, nil) })
	a.work.Go(func() { a.queue.run(a.ctx) })
}

func (a *App) open() error {
	release, err := lockHome(a.home.Dir)
	if err != nil {
		return err
	}
	a.release = release
	if err := a.queue.open(); err != nil {
		return err
	}
	return a.watches.start(a.ctx)
}

// close ends what is under way; the next start goes on with it.
func (a *App) close() {
	<-a.ready
	a.stop()
	a.shelf.clear()
	a.watches.stop()
	a.work.Wait()
	a.author.node.close()
	a.queue.close()
	if a.release != nil {
		a.release()
	}
}

// connect opens the light client; the service asks again after a failure.
func (a *App) connect(ctx context.Context) (*lightclient.Client, error) {
	if a.unfit != nil {
		return nil, a.unfit
	}
	start, err := a.home.Start(a.nodes)
	if errors.Is(err, home.ErrNoNodes) {
		return nil, &service.Error{Code: "no_nodes", Message: "No node is known yet.",
			Hint: "Start the consortium on this machine, or start this program with --node and the address of a node."}
	}
	if err != nil {
		return nil, err
	}
	return a.home.Open(ctx, start, nil)
}

// errInUse says that another window works with the same home.
var errInUse = &service.Error{Code: "in_use", Message: "Another Evident window works with the same folder.",
	Hint: "Use that window, or close it and start this one again."}

// lockHome takes the home for this program, until release or its end.
func lockHome(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, failed("store", "The folder "+dir+" cannot be made.", "Check that its disk can be written to.", err)
	}
	file, err := lockFile(filepath.Join(dir, "desktop.lock"))
	if errors.Is(err, errLocked) {
		return nil, errInUse
	}
	if err != nil {
		return nil, failed("store", "The folder "+dir+" cannot be written to.", "Check who owns it, and that the disk has room.", err)
	}
	return func() { file.Close() }, nil
}

var errLocked = errors.New("locked by another process")

// failed is an error for a person, with its cause behind the sentence.
func failed(code, sentence, hint string, cause error) *service.Error {
	return &service.Error{Code: code, Message: fmt.Sprintf("%s (%v)", sentence, cause), Hint: hint}
}
