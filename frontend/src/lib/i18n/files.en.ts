/** What the pages say of evidence files: handing them over, keeping them, getting them back. */
const plural = (n: number, one: string, many: string) => (n === 1 ? one : many);
const files = (n: number) => `${n} ${plural(n, "file", "files")}`;

export const stamp = {
  title: "Timestamp files",
  explain: "A record signed with your key shows that you had a file, and since when.",
  drop: "Drop files or folders here",
  choose: "Choose files",
  chooseFolder: "Choose a folder",
  mode: {
    label: "What leaves this machine",
    sealed: {
      name: "Sealed",
      says: "The file is encrypted here, then kept by the members. Only those whom you give its key can open it.",
    },
    digest: {
      name: "Digest only",
      says: "Nothing but the file’s name, size and digest leaves. Keep the file yourself: without it the record proves little.",
    },
    public: {
      name: "Public",
      says: "The file itself goes to the members, and anyone can read it, for good.",
    },
  },
  group: {
    label: "Records",
    each: "One for each file",
    together: "One for all together",
  },
  statement: "Statement",
  statementHint: "Signed with the record, public and permanent.",
  statementPlaceholder: "For example: first draft of the harbour series",
  signedAs: "Signed as",
  start: (n: number) => `Timestamp ${files(n)}`,
  chosen: (n: number, size: string) => `${files(n)}, ${size}`,
  more: (n: number) => `and ${n} more`,
  remove: "Remove",
  removeAll: "Remove all",
  queue: "Queue",
  empty: "Nothing is on its way.",
  emptyNext: "Choose files above or drop them anywhere in the window.",
  pauseAll: "Pause all",
  resumeAll: "Resume all",
  pause: "Pause",
  resume: "Resume",
  clear: "Clear finished",
  retry: "Try again",
  handAgain: "Choose the file again",
  handAllAgain: "Choose them again",
  needed: (n: number) =>
    `${files(n)} ${plural(n, "was", "were")} not read to the end before the page was closed.`,
  neededNext: "Choose the same files or their folder again. What was sent already is not sent again.",
  notMatched: "None of these is a file that is waited for.",
  progress: (finished: string, all: string) => `${finished} of ${all} files done`,
  failures: (n: number) => `${n} failed`,
  rate: (amount: string) => `${amount}/s`,
  left: (time: string) => `${time} left`,
  sent: (done: string, size: string) => `${done} of ${size} sent`,
  read: (done: string, size: string) => `${done} of ${size} read`,
  stored: (k: number, n: number) => `kept by ${k} of ${n}`,
  keepers: "Members that signed a receipt",
  filesIn: (n: number) => `${n} files`,
  state: {
    queued: "waiting its turn",
    hashing: "computing the digest",
    sealing: "encrypting",
    uploading: "sending",
    sending: "sending the record",
    waiting: "waiting for the members",
    storing: "final; members are fetching it",
    final: "final",
    failed: "failed",
    cancelled: "cancelled",
    paused: "paused",
  },
  proofAt: "Proof written to",
  saveProof: "Save the proof",
  openRecord: "Open the record",
};

export const watch = {
  title: "Watched folders",
  explain: "New and changed files in these folders are timestamped by themselves while this program runs.",
  add: "Watch a folder",
  stop: "Stop watching",
  none: "No folder is watched.",
  seen: (n: string) => `${n} files timestamped`,
  waiting: (n: string) => `${n} waiting`,
  last: "last change",
  together: "one record for a batch",
};

export const evidence = {
  open: "Preview",
  close: "Close the preview",
  save: "Save the file",
  share: "Share",
  opening: "Fetching and decrypting",
  noKey: "What opens this file is not on this machine.",
  noKeyNext: "Restore the backup of whoever sealed it, or ask them to share it with you.",
  noPreview: "This kind of file is not shown here.",
  noPreviewNext: "Save it and open it with a program that you trust.",
  noPlayer: "This page cannot play a file of this size.",
  tooLarge: "It is too large to be shown as a whole.",
  cut: (size: string) => `Only the first ${size} are shown.`,
  asText: "Shown as plain text: nothing in it runs.",
  broken: "The content is not what its name says, or this browser cannot show it.",
  fetching: (done: string, size: string) => `${done} of ${size} fetched and checked`,
  saved: "Saved. Its whole content is what the record says.",
  savedTo: (path: string) => `Saved to ${path}. Its whole content is what the record says.`,
  kept: (k: number, n: number) => `Kept by ${k} of ${n} members`,
  keptWhy: "Each has signed a receipt for this file, and the signatures were verified here.",
  told: "named by a node, without a receipt",
  asking: "Asking who keeps it",
  nobody: "No member has signed yet that it keeps this file.",
  nobodyNext: "Members fetch it after the record is final. Until then, keep your own copy.",
  erased: "This file was erased",
  erasedWhy:
    "Its author asked for it. These members signed that they deleted it; the record and its proof stay.",
  shareTitle: "Share this file",
  shareExplain:
    "The other person gives you their recipient address. A public record will say to whom you gave access, by the name below; not what is in the file.",
  recipient: "Their recipient address",
  recipientHint: "It begins with age1.",
  shareTo: "Who they are",
  shareMake: "Give access",
  shareDone: "Access is recorded. Send them this text; only they can open it.",
  copy: "Copy the text",
};

export const keys = {
  title: "Keys of this machine",
  explain:
    "Your key signs your records, and each sealed file has a secret of its own. They exist here and nowhere else: without a backup, a lost disk or a cleared browser loses them for good.",
  none: "There is no key here yet.",
  noneNext: "Make one to timestamp files, or restore a backup.",
  name: "Your name on records",
  nameHint: "Public in every record. Letters, digits, dots and hyphens.",
  make: "Make a key",
  signs: "signs",
  made: "made",
  backup: "Back up",
  backupExplain: "One file with all keys and secrets, encrypted with a passphrase.",
  passphrase: "Passphrase",
  passphraseHint: "At least 12 characters. Nobody can reset it.",
  passphraseAgain: "Passphrase, again",
  passphraseDiffers: "The two are not the same.",
  backupMake: "Save a backup",
  backupDone: "The backup is saved. Keep it away from this machine.",
  restore: "Restore",
  restoreExplain: "Adds what a backup holds; what is here stays.",
  restoreChoose: "Choose the backup",
  restored: (k: number, s: number) =>
    `${k} ${plural(k, "key", "keys")} and ${s} ${plural(s, "secret", "secrets")} restored.`,
  address: "Your recipient address",
  addressExplain: "Give it to people who want to share a sealed file with you.",
  addressShow: "Show my address",
  receive: "A file that was shared with you",
  receivePlaceholder: "-----BEGIN AGE ENCRYPTED FILE-----",
  receiveMake: "Take it over",
  received: (name: string) => `You can open “${name}” now.`,
  working: "This takes a few seconds",
};

const pair = (sentence: string, next: string): readonly [sentence: string, next: string] => [sentence, next];

export const fileErrors = {
  file_needed: pair(
    "The page was closed before this file was read to its end.",
    "Choose the same file again. What was sent already is not sent again.",
  ),
  too_many: pair(
    "The queue holds at most 10000 files.",
    "Wait until some are done, then hand over the rest.",
  ),
  too_many_together: pair(
    "One record names at most 64 files.",
    "Give each file a record of its own, or hand over fewer.",
  ),
  key_name: pair(
    "This cannot be the name of a key.",
    "Use letters, digits, dots and hyphens, without spaces.",
  ),
  passphrase_short: pair(
    "The passphrase is too short.",
    "Use at least 12 characters: four or more words are good.",
  ),
  backup: pair(
    "The backup cannot be opened.",
    "Check the passphrase, and that this is a backup file of Evident.",
  ),
  recipient: pair(
    "This is not the address of a recipient.",
    "Ask them for theirs: it begins with age1. Say who they are, too.",
  ),
  share: pair(
    "This text opens no file for you here.",
    "Check that it was copied whole, that it was made for your recipient address, and that this is the same ledger.",
  ),
  no_secret: pair(
    "What opens this sealed file is not on this machine.",
    "Restore the backup of whoever sealed it, or ask them to share the file with you.",
  ),
  not_stored: pair(
    "Only this file’s digest was recorded.",
    "The file itself never left its author’s machine: ask the author for it.",
  ),
  evidence: pair(
    "This part of the file could not be read.",
    "Try again: another member may have it. Nothing that failed its check is shown.",
  ),
};
