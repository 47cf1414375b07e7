package app

import (
	"errors"
	"io/fs"
	"syscall"

	"evident/lightclient/author"
	"evident/lightclient/evidence"
	"evident/lightclient/evidence/seal"
	"evident/lightclient/service"
)

// causes are what can be wrong with files and keys of the user's, with the code,
// the sentence and what to do. The first that fits is it.
var causes = []struct {
	err                  error
	code, sentence, hint string
}{
	{author.ErrLost, "lost", "The record is final, but the members lost the file before enough of them had it, and it is not here any more as it was.", "Put the file back, unchanged, and try again. The proof holds without it."},
	{evidence.ErrNotFile, "not_a_file", "This is not a file with a content of its own.", "Choose a file, or a folder of files."},
	{evidence.ErrChanged, "changed", "The file changed while it was being read.", "Wait until nothing writes to it, and try again."},
	{syscall.ENOSPC, "disk_full", "The disk is full.", "Make room on it, and try again. Nothing is lost."},
	{seal.ErrContent, "other_content", "What came back is not what was recorded.", "Nothing of it was kept. Ask the author of the record."},
	{seal.ErrSecret, "no_secret", "The key that is here does not open this file.", "Ask the author of the record to share the key with you."},
	{author.ErrNoSecret, "no_secret", "The key of this sealed file is not on this machine.", "Open it where it was sealed, restore a backup, or ask its author to share the key with you."},
	{seal.ErrRecipient, "recipient", "This is not a recipient.", "Ask the person for theirs: it begins with age1."},
	{seal.ErrShare, "share", "This is not a shared key, or not one for you.", "Copy the whole text. It opens only on the machine whose recipient it was shared with."},
	{author.ErrTogetherMode, "together_mode", "Files that the members keep need a record each.", "Record them one by one, or together by digest."},
	{author.ErrNoFiles, "no_files", "There is no file here.", "Choose other files, or another folder."},
	{author.ErrNotAuthor, "not_author", "Only an author of the record can order that its file is erased.", "Ask the author of the record."},
	{author.ErrNotSealed, "not_sealed", "The file is not sealed.", "Nobody needs a key to read it."},
	{author.ErrNotStored, "not_stored", "The members keep no file of this record.", "Ask the author of the record for the file."},
	{author.ErrFileExists, "file_exists", "There is a file of this name already.", "Choose another name."},
	{author.ErrLocked, "locked", "The keys of this home are protected by a passphrase.", "Give the passphrase and try again."},
	{author.ErrPassphrase, "passphrase", "This is not the right passphrase.", "Type it again. Nobody can replace a lost one."},
	{author.ErrBackup, "backup", "This is not a backup of Evident.", "Choose the .age file that was written as a backup."},
	{author.ErrDamaged, "damaged", "A file of this home is damaged, or belongs to another home.", "Restore a backup."},
	{author.ErrKeyExists, "key_exists", "There is a key of this name already.", "Choose another name."},
	{author.ErrKeyName, "key_name", "A key cannot have this name.", "Use letters, digits and hyphens."},
	{fs.ErrNotExist, "no_file", "The file is not there.", "Check that it was not moved or renamed, and that its disk is attached."},
	{fs.ErrPermission, "no_access", "The file cannot be read.", "Check that you may read it."},
}

// explain says what went wrong with a file of the user's.
func explain(err error) service.Error {
	for _, c := range causes {
		if errors.Is(err, c.err) {
			return *failed(c.code, c.sentence, c.hint, err)
		}
	}
	return service.Explain(err)
}

func problem(err error) error {
	e := explain(err)
	return &e
}
