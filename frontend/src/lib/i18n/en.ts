import { contracts } from "./contracts.en";
import { evidence, fileErrors, keys, stamp, watch } from "./files.en";

const plural = (n: number, one: string, many: string) => (n === 1 ? one : many);

const leads = (n: number) =>
  n === 0 ? "No hash is needed" : `${n} ${plural(n, "hash leads", "hashes lead")}`;

const pair = (sentence: string, next: string): readonly [sentence: string, next: string] => [sentence, next];

export const en = {
  contracts,
  product: "Evident",
  skip: "Skip to content",
  close: "Close",
  retry: "Try again",
  cancel: "Cancel",
  loading: "Loading",
  none: "none",
  nav: {
    label: "Pages",
    overview: "Ledger",
    contracts: "Contracts",
    scan: "Scan",
    draft: "Draft",
    members: "Members",
    verify: "Verify",
    trust: "Trust",
    stamp: "Timestamp",
  },
  settings: {
    language: "Language",
    theme: "Theme",
    system: "As the system",
    light: "Light",
    dark: "Dark",
  },
  copy: { action: "Copy", done: "Copied", failed: "Select and copy by hand" },
  search: {
    label: "Search the ledger",
    placeholder: "Record, height, digest, author",
    title: (query: string) => `Search for “${query}”`,
    explain: "The index is only a hint. Each result below was proven on this machine before it was shown.",
    empty: "Nothing on the ledger matches.",
    emptyNext:
      "Search takes the beginning of a record id, a height, a SHA-256, an author’s key name, or an item.",
  },
  head: {
    block: "Newest final block",
    age: "Signed",
    cosigned: "Cosigned by",
    sources: "Asking",
    sourcesOf: (ok: number, all: number) => `${ok} of ${all} ${plural(all, "node", "nodes")}`,
    sourceState: {
      ok: "answers",
      down: "does not answer",
      lied: "proved wrong, not asked any more",
      behind: "is behind",
    },
    stale: "This view is stale",
    staleBody: (age: string) =>
      `The newest block that reached this machine was signed ${age}. The ledger may have moved on; what is shown here is still proven.`,
    lied: (member: string) =>
      `A node of ${member} gave an answer that contradicts its proof. It is no longer asked.`,
  },
  drop: {
    question: "Is it recorded, since when?",
    invite: "Drop any file here, or a .evident proof",
    choose: "Choose a file",
    privacy:
      "The file does not leave this machine. Its SHA-256 is computed here, and only that is looked up.",
    release: "Release to look it up",
    hashing: (name: string) => `Computing the digest of ${name}`,
    asking: "Asking the ledger, checking the proof",
    again: "Look up another file",
  },
  lookup: {
    found: "Recorded",
    foundBody: "A file with exactly these bytes was recorded. It existed no later than",
    absent: "Not recorded",
    absentBody: (height: string) =>
      `No public record names these bytes, up to and including block ${height}. This absence is proven, not guessed.`,
    absentNote:
      "A sealed record keeps its digest private, so it does not appear here. Its author can show it with a proof.",
    open: "Open the record",
    sha256: "SHA-256",
    cid: "CID",
  },
  badge: {
    proven: "proven",
    claimed: "claimed by author",
    unverified: "unverified",
    provenTitle: "Proven on this machine. Open the proof.",
    claimedTitle: "The author says so. Open what is proven about it.",
    unverifiedTitle: "Not checked. Open the reason.",
  },
  blocks: {
    title: "Newest blocks",
    height: "Block",
    time: "Final",
    records: "Records",
    cosigners: "Cosigned",
    hash: "Header hash",
    empty: "No block yet.",
    emptyNext: "The first block appears here as soon as the members have cosigned it.",
    older: "Older blocks",
    heartbeat: "no records",
  },
  block: {
    title: (height: string) => `Block ${height}`,
    previous: "Previous block",
    next: "Next block",
    existedBy: "Existed no later than",
    leaderTime: "Leader’s clock, for order only",
    hash: "Header hash",
    parent: "Parent",
    recordsRoot: "Records root",
    stateRoot: "State root",
    cosignatures: "Cosignatures",
    records: "Records in this block",
    empty: "This block holds no records.",
    emptyNext:
      "An idle ledger makes an empty block every 30 seconds, so that silence can be told from failure.",
    header: "Header as signed",
    certificate: "Certificate as signed",
  },
  record: {
    title: "Record",
    id: "Record id",
    contract: "Contract",
    item: "Item",
    author: "Signed by",
    at: "Author’s clock",
    block: "In block",
    position: (index: string, height: string) => `no. ${index} of block ${height}`,
    fields: "What the author declares",
    fieldsNote:
      "The ledger proves who signed these words and since when. It does not prove that they are true.",
    evidence: "Evidence files",
    noEvidence: "The record names no file.",
    sha256: "SHA-256",
    cid: "CID",
    commitment: "Commitment",
    disclosed: "SHA-256, disclosed",
    unnamed: "name kept private",
    encrypted: (size: string) => `${size} encrypted`,
    stored: "Stored",
    proves: "Proven",
    private: "Private",
    mode: {
      digest: {
        name: "digest only",
        stored: "The members keep this digest and no byte of the file. The file stays with its author.",
        proves: "Since when, and by whom, the digest was signed. Whoever holds the same bytes can show it.",
        private: "The content. Digest, name and size are public.",
      },
      public: {
        name: "public file",
        stored: "The members are to keep the file itself, under its CID. Anyone may read it.",
        proves: "Since when, and by whom, the digest was signed. Whoever holds the same bytes can show it.",
        private: "Nothing: content, digest, name and size are public.",
      },
      sealed: {
        name: "sealed file",
        stored:
          "The members are to keep an encrypted copy, under its CID. Only those to whom the author gave its key can open it.",
        proves:
          "Since when, and by whom, the commitment was signed. It fits one file and shows nothing of it.",
        private: "Content and digest, and the name where none is given. The author may disclose the digest.",
      },
      disclosed: {
        name: "sealed file, disclosed",
        stored:
          "The members are to keep an encrypted copy, under its CID. Only those to whom the author gave its key can open it.",
        proves:
          "Since when, and by whom, the commitment was signed, and that it is the commitment to this digest.",
        private: "The content. This proof discloses the digest to whoever holds it; the ledger does not.",
      },
    },
    state: "Present state of the item",
    stateAt: (seq: string, height: string) => `Step ${seq}, as of block ${height}`,
    stateAbsent: "The item has no state: proven absent.",
    note: "Record as signed",
    signedAfter: "Signed after",
    signedAfterBlock: (height: string) => `block ${height}`,
    empty: "left empty",
    signedAfterNote: "the author’s client had seen a checkpoint of that time",
    existedBy: "Existed no later than",
    existedByNote: "at least one honest member had signed by then",
    between: "The author’s signature was made between these two times.",
    save: "Save the proof",
    saved: (name: string) => `Proof saved: ${name}`,
  },
  members: {
    title: "Members",
    explain:
      "These organisations hold the ledger together. A block is final once more than two thirds of them have cosigned it.",
    quorum: (quorum: number, members: number) => `${quorum} of ${members} make a certificate`,
    empty: "No members are known.",
    emptyNext: "Members come with the genesis of the ledger.",
    member: "Member",
    registry: "Registry number",
    roles: "Roles",
    key: "Cosigning key",
    node: "Node",
    addresses: "Addresses",
    last: "Last cosigned",
    never: "has not cosigned a block seen here",
    all: "All members",
  },
  verify: {
    title: "Verify a proof",
    explain: "Everything is checked on this machine. Neither the proof nor the file is sent anywhere.",
    proofSlot: "Proof",
    proofInvite: "Drop a .evident proof",
    fileSlot: "File",
    fileInvite: "Drop the file it is about",
    invite: "Drop a package, or a .evident proof and the file it is about",
    packageSlot: "Package",
    reading: (name: string) => `Reading ${name}`,
    records: "The records in it",
    allRecords: (n: number) => `Show all ${n} records`,
    noName: "no name",
    manifest: "SHA-256 of its manifest",
    exporter: "Made with",
    exportedNote: "by the exporter’s clock, no evidence of time",
    fileWhy:
      "The file tells whether yours is the recorded one. Without it, only the record itself is checked.",
    choose: "Choose files",
    remove: "Remove",
    checking: "Checking the proof",
    notProof:
      "This is not a proof. A proof ends in .evident; the file it is about goes into the other field.",
    tooBig: "A proof is at most 24 MiB.",
    verdict: { valid: "valid", altered: "altered", unknown: "unknown ledger", incomplete: "incomplete" },
    verdictBody: {
      validFile:
        "The file is exactly the one that was recorded, and every step to the members’ signatures holds.",
      valid: "Every step from the record to the members’ signatures holds.",
      altered: "At least one step does not hold. What was given is not what the members signed.",
      unknown: "The steps hold, but this machine has no reason to trust the ledger they lead to.",
      incomplete: "Nothing is wrong, but something that is needed for an answer is missing.",
    },
    noFile: "No file was compared.",
    answers: "The four answers",
    stages: "What was checked",
    stage: {
      container: "Proof file",
      content: "Content",
      disclosure: "Disclosed values",
      together: "One of many files",
      "record signature": "Author’s signature",
      inclusion: "Inclusion in the block",
      certificate: "Certificate of the members",
      "member history": "History of the members",
      consistency: "Consistency",
      state: "Present state",
      storage: "Storage receipts",
      refusal: "Refusal",
      cosignatures: "Both cosignatures",
      contradiction: "Contradiction",
      anchors: "Outside anchors",
      manifest: "Manifest",
      sums: "Checksums",
      proofs: "Proofs",
      artefacts: "Texts for other programs",
      pages: "Certificate and texts for people",
      custody: "Custody",
      "independent time": "Independent time",
      renewal: "Renewal",
    },
    status: { passed: "passed", failed: "failed", absent: "absent", "not run": "not run" },
    unknownAsk: "If you hold a printed copy of this ledger’s twelve words, compare them now.",
    unknownConfirm: "The words match my printed copy",
    named: "The ledger you trust",
    namedHint:
      "The genesis fingerprint or the twelve words, from your own source and not from whoever gave you the proof.",
    namedOther: "This proof leads to another ledger than the one you named. Do not rely on it.",
    namedShort: "Not complete yet: 64 hexadecimal digits, or twelve words.",
    ledger: "The ledger it leads to",
    record: "The record",
    recordIf: "This is what the proof says. It counts only once the answer above is “valid”.",
    print: "Print this report",
    checkedAt: (time: string) => `Checked at ${time} by this machine’s clock, which is no evidence of time.`,
    takeAway: "Take this verifier away as one file",
    takeAwayWhy: "It works from a disk, without a network and without this node.",
    offline:
      "This page is one file with the verifier inside. Its own policy forbids every connection, so it works without a network and nothing can leave it.",
    reset: "Verify another proof",
  },
  package: {
    title: "For a lawyer",
    explain:
      "A package holds the proof, a certificate to read, and how to check both without us. It verifies offline, for decades.",
    history: "With the earlier records of this item",
    content: "With the files that the members keep, as far as you can open them",
    start: "Export a package",
    gathering: "Gathering the proofs",
    writing: "Writing the package",
    made: (records: number, files: number, size: string) =>
      `Written: ${records} ${records === 1 ? "record" : "records"}, ${files} ${files === 1 ? "file" : "files"}, ${size}.`,
  },
  trust: {
    title: "Trust",
    explain:
      "Everything shown here rests on one number: the fingerprint of the ledger’s genesis, its founding document. These twelve words are that fingerprint in a form for paper.",
    words: "Twelve words",
    fingerprint: "Genesis fingerprint",
    ledger: "Ledger",
    firstRun: "Compare the twelve words with a printed copy",
    firstRunBody:
      "This page came with the ledger it trusts, so it cannot vouch for itself. Compare the words once with the copy your consortium printed; from then on this machine keeps to them.",
    firstRunAction: "Compare now",
    ask: "Do all twelve words match your printed copy, in order?",
    confirm: "Yes, they match",
    deny: "If even one word differs, do not confirm. Close this page and tell your consortium: someone is showing you another ledger.",
    pinned: "You compared these words. This machine accepts no other ledger under this name.",
    print: "Print the words",
  },
  stamp,
  watch,
  evidence,
  keys,
  proof: {
    title: "The proof behind it",
    intro: {
      proven:
        "Each step below was computed on this machine. Read from the top, each line leads to the next, down to the ledger you trust.",
      claimed:
        "The author says so. What is proven is that the author signed these words and when; not that they are true.",
      unverified:
        "This value came from a node and could not be checked against a certificate. Do not rely on it.",
    },
    record: "The record is signed by its author",
    recordBody: (id: string) => `SHA-256 of the signed text is the record’s id, ${id}.`,
    inBlock: "The record is in the block",
    inBlockBody: (index: string, n: string, hashes: number) =>
      `Record ${index} of ${n}. ${leads(hashes)} from it to the records root in the header.`,
    state: "The state is under the block’s state root",
    stateBody:
      "A path through the state tree leads from the value, or from its proven absence, to the root in the header.",
    header: "The header names what the block holds",
    headerBody: (height: string) => `Header of block ${height}, exactly as executed by every member.`,
    inLog: "The header is in the chain log",
    inLogBody: (size: string, hashes: number) =>
      `A tree of ${size}. ${leads(hashes)} from the header to its root.`,
    certificate: "The members cosigned that root",
    certificateBody: (n: number, members: number, quorum: number) =>
      `${n} of ${members} members signed it; ${quorum} are needed.`,
    genesis: "The members are those of the genesis you trust",
    genesisBody: "Its fingerprint, as twelve words:",
    show: {
      note: "Signed text",
      path: "Path",
      header: "Header",
      certificate: "Certificate",
      proof: "State proof",
    },
  },
  error: {
    title: "That did not work",
    code: {
      ...fileErrors,
      core_missing: pair(
        "The light client is missing from this site.",
        "The page needs evident.wasm and wasm_exec.js beside it. Whoever runs this node should build them again; you can use another member’s explorer meanwhile.",
      ),
      core_stopped: pair(
        "The light client stopped.",
        "Reload the page. What you have verified before is kept.",
      ),
      no_webassembly: pair(
        "This browser cannot run the light client.",
        "Use a current Firefox, Chrome, Edge or Safari, or the desktop program.",
      ),
      unavailable: pair(
        "No node answers.",
        "Check the network connection. Nothing is lost; what was verified before stays verified.",
      ),
      lied: pair(
        "A node gave an answer that its own proof contradicts.",
        "The answer was thrown away and the node is not asked any more. Try again: another member’s node will answer.",
      ),
      not_found: pair(
        "No node shows anything under this name.",
        "Check the number or id, or search for it. This is no proof that it does not exist.",
      ),
      no_contract: pair(
        "This ledger has no such contract.",
        "That is proven: its members agreed to none of that name. Choose one from the overview of contracts.",
      ),
      moved: pair(
        "Somebody else has acted on this item meanwhile.",
        "Make the draft again from the item as it is now. Signatures on the old draft do not count for the new one.",
      ),
      unsigned: pair("Not everybody has signed yet.", "Pass the draft on to those who have not signed."),
      not_a_signer: pair(
        "The draft does not ask for this key.",
        "Only the parties that it names can sign it.",
      ),
      no_key: pair("This machine holds no such key.", "Make a key, or restore a backup that holds it."),
      bad_draft: pair(
        "This is not a whole draft.",
        "Links are sometimes cut when they are sent. Ask for the file or the link again.",
      ),
      refused: pair(
        "The consortium’s rules refuse this record.",
        "Change what the rule objects to, and try again.",
      ),
      genesis: pair(
        "This is not the ledger that this machine trusts.",
        "Compare the twelve words with your printed copy. If they differ, do not go on.",
      ),
      store: pair(
        "Something could not be saved on this machine.",
        "Check that the disk has room and that the folder can be written to; in a browser, allow this site to store data.",
      ),
      no_nodes: pair(
        "No node is known yet.",
        "Start the consortium on this machine, or start this program with --node and the address of a member’s node.",
      ),
      in_use: pair(
        "Another Evident window works with the same folder.",
        "Use that window, or close it and start this one again.",
      ),
      signed: pair(
        "The record is signed and on its way to the members.",
        "It cannot be called back any more. A later record can correct it.",
      ),
      no_file: pair(
        "The file is not there.",
        "Check that it was not moved or renamed, and that its disk is attached.",
      ),
      no_access: pair("The file cannot be read.", "Check that you may read it."),
      not_a_file: pair(
        "This is not a file with a content of its own.",
        "Choose a file, or a folder of files.",
      ),
      changed: pair(
        "The file changed while it was being read.",
        "Wait until nothing writes to it, and try again.",
      ),
      busy: pair("Other files are being read.", "Wait until they are done, and try again."),
      internal: pair(
        "Something went wrong that should not.",
        "Try again. If it stays, tell whoever runs this node what is written here.",
      ),
      stale: pair(
        "The newest head that any node shows is too old.",
        "Check the network connection and the clock of this machine.",
      ),
      members_changed: pair(
        "The members have changed in a way that this version cannot follow.",
        "Get a newer version of this program.",
      ),
      bad_request: pair("This cannot be done as asked.", "Check what was typed or chosen."),
      contradiction: pair(
        "Two parts of the consortium signed contradicting histories.",
        "The light client has stopped and kept the evidence. Do not rely on new records; tell your consortium.",
      ),
      old_checkpoint: pair(
        "This machine has not seen the ledger for more than 30 days.",
        "Compare the twelve words and a fresh checkpoint with your consortium first.",
      ),
      cancelled: pair("Cancelled.", "Nothing was recorded."),
    },
    unknownNext: "Try again. If it stays, tell whoever runs this node what is written here.",
  },
  missing: {
    title: "There is no such page",
    body: "The address may be cut short. A record’s id has 64 characters, a height only digits.",
    home: "To the ledger",
  },
  footer: {
    verified: "Verified on this machine, not on a server.",
    limits:
      "A record proves that bytes existed unchanged since a time. It does not prove authorship, truth or legality.",
  },
};
