package proof

// verdictTexts explain a verdict in English and Chinese.
var verdictTexts = map[Verdict][2]string{
	Valid:         {"The proof is valid.", "证明有效。"},
	Altered:       {"The proof does not hold: something was altered.", "证明不成立：内容已被改动。"},
	UnknownLedger: {"Everything fits, but this ledger is not one you trust yet. Compare its words: {words}", "各项相符，但您尚未信任该账本。请核对其助记词：{words}"},
	Incomplete:    {"This cannot be judged: it is not a whole proof of a known version.", "无法判断：这不是已知版本的完整证明。"},
}

// stageTexts say in English and Chinese what a stage found, by its code.
var stageTexts = map[string][2]string{
	"not_run": {"Not checked.", "未检查。"},

	"container.ok":      {"A whole proof file of {bytes} bytes.", "证明文件完整，共 {bytes} 字节。"},
	"container.foreign": {"This is not an Evident proof.", "这不是明证的证明文件。"},
	"container.version": {"The proof has a version that this program does not know; get a newer one.", "证明的版本超出本程序所知，请使用更新的版本。"},
	"container.cut":     {"The file ends too early; get a whole copy.", "文件不完整，请获取完整副本。"},
	"container.limit":   {"The file, or a part of it, is larger than a proof may be: {error}", "文件或其一部分超出允许的大小：{error}"},
	"container.format":  {"The file is not as a proof is written: {error}", "文件不符合证明的格式：{error}"},

	"content.ok":        {"The file is the one recorded as “{name}”, {size} bytes, SHA-256 {sha256}.", "文件与记录中的“{name}”一致，{size} 字节，SHA-256 {sha256}。"},
	"content.not_given": {"No file was given to compare; the record names {files}.", "未提供比对文件；记录列有 {files} 个文件。"},
	"content.none":      {"The record names no file.", "记录未列任何文件。"},
	"content.disclosed": {"The file is the sealed file {file} of the record: its SHA-256 is {sha256}.", "文件与记录中的第 {file} 个密封文件一致：SHA-256 {sha256}。"},
	"content.sealed":    {"The file cannot be compared: the record names {files} sealed files that this proof does not disclose. Ask the author for a proof that does.", "无法比对该文件：记录含 {files} 个密封文件，本证明未予披露。请向作者索取含披露的证明。"},
	"content.differs":   {"The file is not one of those recorded: its SHA-256 is {sha256}.", "该文件不在记录之列：其 SHA-256 为 {sha256}。"},

	"content.unlisted": {"The file cannot be compared: the record holds many files together, and this proof does not show which one it is of.", "无法比对该文件：记录批量包含多个文件，本证明未指明是哪一个。"},

	"disclosure.ok":     {"Disclosed, and as recorded: {files} sealed files, {fields} private fields.", "已披露且与记录相符：{files} 个密封文件、{fields} 个私密字段。"},
	"disclosure.wrong":  {"What is disclosed of the sealed file {file} is not what was recorded.", "所披露的第 {file} 个密封文件与记录不符。"},
	"disclosure.field":  {"What is disclosed of the private field {field} is not what was recorded.", "所披露的私密字段 {field} 与记录不符。"},
	"disclosure.absent": {"The proof discloses no hidden value.", "证明未披露任何隐藏值。"},

	"together.ok":     {"Shows {files} of the {count} files that the record holds together: “{name}”.", "记录批量包含 {count} 个文件，本证明针对其中 {files} 个：“{name}”。"},
	"together.wrong":  {"The file is not one of those that the record holds together: {error}", "该文件不属于记录批量包含的文件：{error}"},
	"together.absent": {"The proof is not of one file among many.", "证明不针对批量文件中的某一个。"},

	"signature.ok":     {"Signed by {signers}.", "签名者：{signers}。"},
	"signature.wrong":  {"A signature on the record is wrong: {error}", "记录的签名有误：{error}"},
	"signature.ledger": {"The record was made for another ledger, {ledger}.", "记录属于另一账本：{ledger}。"},

	"inclusion.ok":    {"Record {index} of {count} in block {height}.", "区块 {height} 的第 {index} 条记录，共 {count} 条。"},
	"inclusion.wrong": {"The record is not in the block: {error}", "记录不在该区块中：{error}"},

	"certificate.ok":        {"{signed} of {members} members signed the ledger of {size} blocks, each with Ed25519 and with ML-DSA-44; it existed by {time}.", "{members} 个成员中有 {signed} 个签署了含 {size} 个区块的账本，均以 Ed25519 与 ML-DSA-44 双重签名；最迟存在于 {time}。"},
	"certificate.quorum":    {"Too few members signed: {error}", "签名成员不足：{error}"},
	"certificate.signature": {"A member's signature is wrong: {error}", "成员签名有误：{error}"},
	"certificate.ledger":    {"The certificate is of another ledger: {error}", "证书属于另一账本：{error}"},
	"certificate.proof":     {"The block is not in the ledger that the members signed: {error}", "区块不在成员签署的账本中：{error}"},
	"certificate.format":    {"The certificate is not as it must be written: {error}", "证书不符合格式：{error}"},

	"history.ok":    {"The members changed {changes} times since genesis, each change certified by the members before.", "自创世以来成员变更 {changes} 次，每次均由此前的成员认证。"},
	"history.none":  {"The members are those of genesis.", "成员即创世成员。"},
	"history.wrong": {"The succession of members is broken: {error}", "成员沿革不成立：{error}"},

	"consistency.ok":     {"Signed after block {height}: the checkpoint that the author named is part of this ledger.", "签署于区块 {height} 之后：作者所引检查点属于本账本。"},
	"consistency.absent": {"When the author signed at the earliest is the author's claim.", "最早签署时间仅为作者声明。"},
	"consistency.wrong":  {"The checkpoint that the author named is not part of this ledger.", "作者所引检查点不属于本账本。"},

	"state.present": {"This is what the ledger held of {name} ({space}) after block {height}.", "此即区块 {height} 之后账本中 {name}（{space}）的状态。"},
	"state.nothing": {"After block {height} the ledger held nothing under {name} ({space}).", "区块 {height} 之后，账本中没有 {name}（{space}）。"},
	"refusal.ok":    {"The node of {member} ({organisation}) says that it refused the record by rule {rule}: {en}. That is its statement alone.", "{member}（{organisation}）的节点声明已按规则 {rule} 拒绝该记录：{zh}。此为其单方声明。"},
	"refusal.wrong": {"The refusal is not one that a member's node signed for this record: {error}", "该拒绝并非成员节点针对此记录所签署：{error}"},

	"cosignatures.ok":     {"Both checkpoints are signed with both keys of {member} ({organisation}).", "两个检查点均由 {member}（{organisation}）以其两把密钥签署。"},
	"cosignatures.wrong":  {"The checkpoints are not both signed by the accused member: {error}", "两个检查点并非均由被指成员签署：{error}"},
	"contradiction.size":  {"The member signed two different ledgers of {size} blocks.", "该成员签署了两个不同的、均含 {size} 个区块的账本。"},
	"contradiction.block": {"The member signed two ledgers that differ in block {height}.", "该成员签署了两个在区块 {height} 处不同的账本。"},
	"contradiction.wrong": {"The two checkpoints do not contradict each other, so the member is not shown to have done wrong: {error}", "两个检查点并不矛盾，不能证明该成员有过错：{error}"},

	"state.ok":     {"The item's state after block {height} is proven.", "区块 {height} 之后该事项的状态已获证明。"},
	"state.absent": {"The proof says nothing of the item's present state.", "证明未涉及该事项的当前状态。"},
	"state.wrong":  {"The item's state is not what the ledger holds: {error}", "该事项的状态与账本不符：{error}"},

	"storage.ok":     {"{members} members signed that they keep the record's files, the last of them {since}.", "{members} 个成员已签署保存记录的文件，最后一个于 {since}。"},
	"storage.wrong":  {"A storage receipt does not hold: {error}", "存储回执不成立：{error}"},
	"storage.absent": {"The proof does not say who keeps the files.", "证明未说明由谁保存文件。"},

	"anchors.absent": {"The proof carries no time stamp from outside the ledger.", "证明不含账本之外的时间戳。"},
}
