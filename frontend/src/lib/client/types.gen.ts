// Code generated from the method table of lightclient/service. DO NOT EDIT.
// Heights, tree sizes and byte counts are decimal strings; times are Unix milliseconds.

export type Badge = "proven" | "claimed" | "unverified";

export interface None {}

export interface Source {
  url: string;
  member: string;
  state: "ok" | "down" | "lied" | "behind";
  height: string;
  error: string;
}

export interface Status {
  ledger: string;
  name: string;
  words: string[];
  fingerprint: string;
  height: string;
  headTime: number;
  headAgeMs: number;
  stale: boolean;
  members: number;
  quorum: number;
  sources: Source[];
}

export interface BlocksParams {
  before?: string;
  limit: number;
}

export interface BlockSummary {
  height: string;
  time: number;
  records: number;
  hash: string;
  notBefore: number;
  cosigners: number;
  badge: Badge;
}

export interface Blocks {
  blocks: BlockSummary[];
}

export interface BlockParams {
  height: string;
}

export interface Cosignature {
  member: string;
  organisation: string;
  time: number;
}

export interface Author {
  name: string;
  key: string;
}

export interface RecordSummary {
  id: string;
  height: string;
  index: number;
  contract: string;
  action: string;
  item: string;
  at: number;
  by: Author[];
  evidence: number;
  badge: Badge;
}

export interface RecordProof {
  id: string;
  note: string;
  index: number;
  count: number;
  path: string[];
}

export interface StateProof {
  space: string;
  name: string;
  value: string;
  proof: string;
}

export interface Proof {
  height: string;
  header: string;
  headerHash: string;
  inclusion: string[];
  size: string;
  root: string;
  certificate: string;
  cosignatures: Cosignature[];
  members: number;
  quorum: number;
  record: RecordProof | null;
  state: StateProof | null;
}

export interface Block {
  summary: BlockSummary;
  header: string;
  parent: string;
  recordsRoot: string;
  stateRoot: string;
  certificate: string;
  cosignatures: Cosignature[];
  records: RecordSummary[];
  proof: Proof;
}

export interface RecordParams {
  id: string;
}

export interface Evidence {
  name: string;
  size: string;
  media: string;
  mode: "digest" | "public" | "sealed";
  sha256: string;
  commit: string;
  cid: string;
}

export interface SignedAfter {
  size: string;
  root: string;
  time: number;
}

export interface RecordBadges {
  height: Badge;
  author: Badge;
  at: Badge;
  fields: Badge;
  evidence: Badge;
  signedAfter: Badge;
  existedBy: Badge;
  state: Badge;
}

export interface ItemState {
  present: boolean;
  value: string;
  seq: number;
  height: string;
}

export interface LedgerRecord {
  id: string;
  height: string;
  index: number;
  contract: string;
  version: number;
  action: string;
  item: string;
  seq: number;
  prev: string;
  at: number;
  by: Author[];
  fields: { [name: string]: unknown };
  evidence: Evidence[];
  signedAfter: SignedAfter;
  existedBy: number;
  note: string;
  badges: RecordBadges;
  state: ItemState;
  proof: Proof;
  proofFile: string;
}

export interface LastCosigned {
  height: string;
  time: number;
}

export interface Member {
  name: string;
  organisation: string;
  registry: string;
  roles: string[];
  key: string;
  node: string;
  addresses: string[];
  lastCosigned: LastCosigned | null;
}

export interface Members {
  members: Member[];
}

export interface LookupParams {
  sha256: string;
}

export interface Lookup {
  found: boolean;
  record: RecordSummary | null;
  existedBy: number;
  provenAbsentAtHeight: string;
  proof: Proof;
}

export interface SearchParams {
  query: string;
}

export interface Hit {
  kind: "record" | "block";
  record: RecordSummary | null;
  block: BlockSummary | null;
}

export interface Search {
  hits: Hit[];
}

export interface FileDigest {
  sha256: string;
  cid: string;
  size: string;
}

export interface VerifyParams {
  proof: string;
  file?: FileDigest;
  genesis?: string;
}

export interface Stage {
  name: string;
  status: "passed" | "failed" | "absent" | "not run";
  en: string;
  zh: string;
}

export interface PrivateField {
  name: string;
  value: string;
}

export interface FoundItem {
  space: string;
  name: string;
  value: string;
  height: string;
  existedBy: number;
  signed: number;
  members: number;
}

export interface RuleValue {
  name: string;
  value: string;
}

export interface FoundRefusal {
  id: string;
  contract: string;
  action: string;
  item: string;
  by: Author[];
  member: string;
  organisation: string;
  at: number;
  rule: string;
  en: string;
  zh: string;
  values: RuleValue[];
}

export interface CosignedTree {
  size: string;
  root: string;
  time: number;
}

export interface FoundAccusation {
  member: string;
  organisation: string;
  registry: string;
  height: string;
  cosigned: CosignedTree[];
}

export interface Report {
  verdict: "valid" | "altered" | "unknown ledger" | "incomplete";
  exit: 0 | 1 | 2;
  stages: Stage[];
  ledger: string;
  fingerprint: string;
  words: string[];
  record: LedgerRecord | null;
  private: PrivateField[];
  item: FoundItem | null;
  refusal: FoundRefusal | null;
  accusation: FoundAccusation | null;
}

export interface TrustParams {
  genesis?: string;
}

export interface Trust {
  fingerprint: string;
  words: string[];
  pinned: boolean;
}

export interface Contract {
  name: string;
  version: number;
  digest: string;
  since: string;
  badge: Badge;
  definition: { [name: string]: unknown };
}

export interface Contracts {
  contracts: Contract[];
}

export interface ContractParams {
  name: string;
  version: number;
}

export interface ItemsParams {
  contract: string;
  before?: string;
  limit: number;
}

export interface Item {
  contract: string;
  name: string;
  present: boolean;
  version: number;
  status: string;
  seq: number;
  at: number;
  authors: Author[];
  first: string;
  last: string;
  changed: string;
  fields: { [name: string]: unknown };
  height: string;
  time: number;
  badge: Badge;
  proof: Proof;
}

export interface Items {
  items: Item[];
  next: string;
}

export interface ItemParams {
  contract: string;
  item: string;
}

export interface History {
  records: LedgerRecord[];
  complete: boolean;
}

export interface RelatedItem {
  name: string;
  depth: number;
  status: string;
  fields: { [name: string]: unknown };
  badge: Badge;
}

export interface ItemLink {
  from: string;
  to: string;
}

export interface Related {
  items: RelatedItem[];
  links: ItemLink[];
  more: boolean;
}

export interface KeysParams {
  keys: string[];
}

export interface Grant {
  contract: string;
  role: string;
  scope: string;
  since: number;
  until: number;
}

export interface Party {
  key: string;
  person: string;
  organisation: string;
  member: boolean;
  vouchers: string[];
  grants: Grant[];
  withdrawn: string;
  badge: Badge;
}

export interface Parties {
  parties: Party[];
}

export interface ResolveParams {
  text: string;
}

export interface Resolved {
  kind: "item" | "record" | "draft" | "nothing";
  name: string;
  draft: string;
  items: Item[];
}

export interface PrepareParams {
  contract: string;
  action: string;
  item: string;
  fields: { [name: string]: unknown };
  private: { [list: string]: { [name: string]: string } };
  by: string[];
  evidence?: Evidence[];
}

export interface DraftSigner {
  name: string;
  key: string;
  signed: boolean;
  here: boolean;
}

export interface Draft {
  text: string;
  link: string;
  id: string;
  contract: string;
  version: number;
  action: string;
  item: string;
  seq: number;
  prev: string;
  at: number;
  fields: { [name: string]: unknown };
  evidence: Evidence[];
  by: DraftSigner[];
  private: PrivateField[];
  signed: string;
}

export interface DraftParams {
  text: string;
}

export interface SignParams {
  text: string;
  key: string;
}

export interface RuleRefusal {
  rule: string;
  en: string;
  zh: string;
  values: RuleValue[];
  member: string;
  note: string;
}

export interface Checked {
  passed: boolean;
  refusal: RuleRefusal | null;
}

export interface Submitted {
  id: string;
  item: string;
  height: string;
  refusal: RuleRefusal | null;
}

export interface PrivateFields {
  fields: PrivateField[];
}

export interface DiscloseParams {
  record: string;
  names: string[];
}

export interface Disclosed {
  proof: string;
}

export interface TextParams {
  name: string;
  text: string;
}

export interface Saved {
  path: string;
}

export interface Picked {
  path: string;
  name: string;
  size: string;
}

export interface Files {
  files: Picked[];
}

export interface PathParams {
  path: string;
}

export interface Inspected {
  name: string;
  size: string;
  proof: string;
  package: boolean;
}

export interface DigestParams {
  job: string;
  path: string;
}

export interface StampParams {
  paths: string[];
  statement: string;
  mode?: "sealed" | "digest" | "public";
  together?: boolean;
}

export interface Keeper {
  member: string;
  organisation: string;
  time: number;
}

export interface StampJob {
  job: string;
  path: string;
  name: string;
  files: number;
  size: string;
  mode: "sealed" | "digest" | "public";
  state: "queued" | "hashing" | "sealing" | "uploading" | "sending" | "waiting" | "storing" | "final" | "failed" | "cancelled" | "paused";
  done: string;
  sent: string;
  toSend: string;
  rate: number;
  leftMs: number;
  stored: Keeper[];
  wanted: number;
  record: string;
  height: string;
  proofPath: string;
  code: string;
  error: string;
  hint: string;
}

export interface StampTotals {
  files: number;
  finished: number;
  failed: number;
  size: string;
  done: string;
  rate: number;
  leftMs: number;
  paused: boolean;
}

export interface StampStatus {
  jobs: StampJob[];
  totals: StampTotals;
}

export interface JobsParams {
  jobs: string[];
}

export interface JobParams {
  job: string;
}

export interface Watch {
  path: string;
  mode: "sealed" | "digest" | "public";
  together: boolean;
  files: number;
  waiting: number;
  lastAt: number;
  error: string;
  hint: string;
}

export interface Watches {
  folders: Watch[];
}

export interface WatchParams {
  path: string;
  mode: "sealed" | "digest" | "public";
  together: boolean;
}

export interface EvidenceParams {
  record: string;
  index: number;
}

export interface Storage {
  wanted: number;
  kept: Keeper[];
  told: string[];
  erased: Keeper[];
}

export interface Opened {
  token: string;
  name: string;
  media: string;
  size: string;
  mode: "sealed" | "public";
  kind: "image" | "video" | "audio" | "pdf" | "text" | "other";
  key: "here" | "none" | "not_needed";
  url: string;
}

export interface TokenParams {
  token: string;
}

export interface FetchJob {
  job: string;
  record: string;
  index: number;
  name: string;
  size: string;
  done: string;
  rate: number;
  leftMs: number;
  state: "fetching" | "saved" | "failed" | "cancelled";
  path: string;
  code: string;
  error: string;
  hint: string;
}

export interface Recipient {
  recipient: string;
}

export interface ShareParams {
  record: string;
  index: number;
  recipient: string;
  to: string;
}

export interface Shared {
  text: string;
}

export interface EraseParams {
  record: string;
  index: number;
  reason: string;
}

export interface ReceiveParams {
  text: string;
}

export interface Received {
  record: string;
  index: number;
  name: string;
}

export interface BackupParams {
  passphrase: string;
}

export interface Backup {
  path: string;
  text: string;
}

export interface RestoreParams {
  passphrase: string;
  text: string;
}

export interface Restored {
  keys: number;
  secrets: number;
}

export interface UnlockParams {
  passphrase: string;
}

export interface KeyParams {
  name: string;
}

export interface Key {
  name: string;
  key: string;
  created: number;
}

export interface Keys {
  keys: Key[];
}

export interface VerifyPackageParams {
  job: string;
  path: string;
  genesis?: string;
}

export interface PackageRecord {
  id: string;
  height: string;
  existedBy: number;
  verdict: "valid" | "altered" | "unknown ledger" | "incomplete";
  contract: string;
  action: string;
  by: Author[];
  evidence: Evidence[];
  private: PrivateField[];
}

export interface PackageReport {
  verdict: "valid" | "altered" | "unknown ledger" | "incomplete";
  exit: 0 | 1 | 2;
  stages: Stage[];
  ledger: string;
  fingerprint: string;
  words: string[];
  manifestSha256: string;
  exporter: string;
  exportedAt: number;
  records: PackageRecord[];
}

export interface ExportParams {
  job: string;
  records: string[];
  history: boolean;
  content: boolean;
  disclose: string[];
}

export interface Exported {
  path: string;
  records: number;
  files: number;
  size: string;
}

export interface BlockEvent {
  kind: "block";
  block: BlockSummary;
}

export interface ProgressEvent {
  kind: "progress";
  job: string;
  done: string;
  size: string;
}

export interface StampEvent {
  kind: "stamp";
  job: StampJob;
}

export interface TotalsEvent {
  kind: "totals";
  totals: StampTotals;
}

export interface FetchEvent {
  kind: "fetch";
  job: FetchJob;
}

export interface EvidenceEvent {
  kind: "evidence";
  token: string;
  recorded: boolean;
}

export interface WatchEvent {
  kind: "watch";
  folder: Watch;
}

export interface Methods {
  status: { params: None; result: Status };
  blocks: { params: BlocksParams; result: Blocks };
  block: { params: BlockParams; result: Block };
  record: { params: RecordParams; result: LedgerRecord };
  members: { params: None; result: Members };
  lookup: { params: LookupParams; result: Lookup };
  search: { params: SearchParams; result: Search };
  verify: { params: VerifyParams; result: Report };
  trust: { params: TrustParams; result: Trust };
  contracts: { params: None; result: Contracts };
  contract: { params: ContractParams; result: Contract };
  items: { params: ItemsParams; result: Items };
  item: { params: ItemParams; result: Item };
  history: { params: ItemParams; result: History };
  related: { params: ItemParams; result: Related };
  parties: { params: KeysParams; result: Parties };
  resolve: { params: ResolveParams; result: Resolved };
  prepare: { params: PrepareParams; result: Draft };
  openDraft: { params: DraftParams; result: Draft };
  sign: { params: SignParams; result: Draft };
  check: { params: DraftParams; result: Checked };
  submit: { params: DraftParams; result: Submitted };
  privateFields: { params: RecordParams; result: PrivateFields };
  disclose: { params: DiscloseParams; result: Disclosed };
  saveText: { params: TextParams; result: Saved };
  pickFiles: { params: None; result: Files };
  pickFolder: { params: None; result: Files };
  inspect: { params: PathParams; result: Inspected };
  digest: { params: DigestParams; result: FileDigest };
  stamp: { params: StampParams; result: StampStatus };
  stampStatus: { params: None; result: StampStatus };
  pause: { params: JobsParams; result: StampStatus };
  resume: { params: JobsParams; result: StampStatus };
  cancel: { params: JobParams; result: None };
  retry: { params: JobParams; result: StampStatus };
  clearFinished: { params: None; result: StampStatus };
  watches: { params: None; result: Watches };
  watch: { params: WatchParams; result: Watches };
  unwatch: { params: PathParams; result: Watches };
  storage: { params: EvidenceParams; result: Storage };
  openEvidence: { params: EvidenceParams; result: Opened };
  closeEvidence: { params: TokenParams; result: None };
  saveEvidence: { params: EvidenceParams; result: FetchJob };
  recipient: { params: None; result: Recipient };
  share: { params: ShareParams; result: Shared };
  erase: { params: EraseParams; result: Storage };
  receive: { params: ReceiveParams; result: Received };
  backup: { params: BackupParams; result: Backup };
  restore: { params: RestoreParams; result: Restored };
  unlock: { params: UnlockParams; result: None };
  makeKey: { params: KeyParams; result: Keys };
  saveProof: { params: RecordParams; result: Saved };
  verifyPackage: { params: VerifyPackageParams; result: PackageReport };
  export: { params: ExportParams; result: Exported };
  keys: { params: None; result: Keys };
}

export type LedgerEvent = BlockEvent | ProgressEvent | StampEvent | TotalsEvent | FetchEvent | EvidenceEvent | WatchEvent;
