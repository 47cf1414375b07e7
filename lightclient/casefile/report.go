package casefile

import (
	"strings"

	"evident/lightclient/ledger"
	"evident/lightclient/proof"
)

// The stages, in their order.
const (
	StageContainer = "container"
	StageManifest  = "manifest"
	StageSums      = "sums"
	StageProofs    = "proofs"
	StageArtefacts = "artefacts"
	StageContent   = "content"
	StagePages     = "pages"
	StageCustody   = "custody"
	StageTime      = "independent time"
	StageRenewal   = "renewal"
)

var stageNames = [...]string{StageContainer, StageManifest, StageSums, StageProofs, StageArtefacts,
	StageContent, StagePages, StageCustody, StageTime, StageRenewal}

// Stage is one step of the verification. Code is stable, for programs; Values
// fill the text that Text makes of it.
type Stage struct {
	Name   string            `json:"name"`
	Status proof.Status      `json:"status"`
	Code   string            `json:"code"`
	Values map[string]string `json:"values,omitempty"`
}

// Report says what was verified, stage by stage, and what each proof proves.
type Report struct {
	Verdict     proof.Verdict
	Stages      []Stage
	Fingerprint ledger.Fingerprint // of the genesis in the proofs
	Words       []string           // the same for people; nil if no proof was read
	Manifest    *Manifest          // nil if it was not read
	SHA256      string             // of the manifest
	Proofs      []proof.Report     // in the order of the manifest, as far as they were verified
}

// Exit returns the exit code for the verdict.
func (r *Report) Exit() int { return r.Verdict.Exit() }

// Stage returns the stage of that name.
func (r *Report) Stage(name string) *Stage {
	for i := range r.Stages {
		if r.Stages[i].Name == name {
			return &r.Stages[i]
		}
	}
	return nil
}

// Reason returns one line that explains the verdict, in "en" or "zh".
func (r *Report) Reason(lang string) string {
	for i := range r.Stages {
		if r.Stages[i].Status == proof.Failed {
			return r.Stages[i].Text(lang)
		}
	}
	return fill(verdictTexts[r.Verdict], lang, map[string]string{"words": strings.Join(r.Words, " ")})
}

// Text returns one line about the stage, in "en" or "zh".
func (s *Stage) Text(lang string) string { return fill(stageTexts[s.Code], lang, s.Values) }

// fill puts values in the places of a text that are marked {name}.
func fill(text [2]string, lang string, values map[string]string) string {
	line := text[0]
	if lang == "zh" {
		line = text[1]
	}
	pairs := make([]string, 0, 2*len(values))
	for name, value := range values {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(line)
}

// verdictTexts explain a verdict in English and Chinese.
var verdictTexts = map[proof.Verdict][2]string{
	proof.Valid:         {"The package is whole, and every proof in it is valid.", "文件包完整，其中每份证明均有效。"},
	proof.Altered:       {"The package does not hold: something was altered.", "文件包不成立：内容已被改动。"},
	proof.UnknownLedger: {"Everything fits, but this ledger is not one you trust yet. Compare its words: {words}", "各项相符，但您尚未信任该账本。请核对其助记词：{words}"},
	proof.Incomplete:    {"This cannot be judged: it is not a whole package of a known version.", "无法判断：这不是已知版本的完整文件包。"},
}

// stageTexts say in English and Chinese what a stage found, by its code.
var stageTexts = map[string][2]string{
	"not_run": {"Not checked.", "未检查。"},

	"container.ok":      {"A whole package of {entries} entries, {bytes} bytes.", "文件包完整，共 {entries} 个条目、{bytes} 字节。"},
	"container.foreign": {"This is not an Evident package.", "这不是明证的文件包。"},
	"container.cut":     {"The file ends too early; get a whole copy.", "文件不完整，请获取完整副本。"},
	"container.limit":   {"The package, or a part of it, is larger than it may be: {error}", "文件包或其一部分超出允许的大小：{error}"},
	"container.format":  {"The file is not as a package is written: {error}", "文件不符合文件包的格式：{error}"},
	"container.crc":     {"The bytes of {entry} are not those that the package was made with.", "条目 {entry} 的内容与制作时不符。"},

	"manifest.ok":      {"{entries} entries have the SHA-256 and SHA-512 that the manifest lists. Its own SHA-256: {sha256}", "{entries} 个条目与清单所列 SHA-256、SHA-512 一致。清单自身的 SHA-256：{sha256}"},
	"manifest.version": {"The package has a version that this program does not know; get a newer one.", "文件包的版本超出本程序所知，请使用更新的版本。"},
	"manifest.format":  {"The manifest is not as it must be written: {error}", "清单不符合格式：{error}"},
	"manifest.differs": {"{entry} is not what the manifest lists.", "条目 {entry} 与清单不符。"},
	"manifest.added":   {"{entry} is in the package, but not in the manifest.", "条目 {entry} 不在清单之列。"},
	"manifest.missing": {"{entry} is in the manifest, but not in the package.", "清单所列条目 {entry} 缺失。"},
	"manifest.claims":  {"The manifest says of the package what its proofs do not: {error}", "清单所述与证明不符：{error}"},

	"sums.ok":      {"SHA256SUMS lists every entry.", "SHA256SUMS 列出了每个条目。"},
	"sums.differs": {"SHA256SUMS does not list what is in the package.", "SHA256SUMS 与文件包内容不符。"},

	"proofs.ok":      {"{proofs} proofs verify; the last record existed by {time}.", "{proofs} 份证明通过核验；最后一条记录最迟存在于 {time}。"},
	"proofs.wrong":   {"The proof of {record} does not verify: {error}", "记录 {record} 的证明未通过核验：{error}"},
	"proofs.other":   {"{entry} is the proof of another record or of another ledger.", "条目 {entry} 是其他记录或其他账本的证明。"},
	"proofs.missing": {"{entry} is missing.", "缺少条目 {entry}。"},
	"proofs.limit":   {"The proofs are larger than a package may have.", "证明超出文件包允许的大小。"},

	"artefacts.ok":      {"The texts of record, header, certificate, policy and genesis are those of the proofs.", "记录、区块头、证书、策略与创世文件的文本均与证明一致。"},
	"artefacts.differs": {"{entry} is not what the proof says.", "条目 {entry} 与证明不符。"},

	"content.ok":        {"{files} files are in the package, and they are the ones recorded.", "文件包内含 {files} 个文件，均与记录一致。"},
	"content.part":      {"{files} files are in the package, and they are the ones recorded; {excluded} are left out.", "文件包内含 {files} 个文件，均与记录一致；另有 {excluded} 个未收入。"},
	"content.excluded":  {"{excluded} files are left out; compare them where they are held.", "{excluded} 个文件未收入，请向持有者比对。"},
	"content.none":      {"The records name no file.", "记录未列任何文件。"},
	"content.cid":       {"{entry} is the file that was recorded, but the record names another CID.", "条目 {entry} 即所记录的文件，但记录中的 CID 与之不符。"},
	"content.thumbnail": {"The small picture of {entry} does not show that file.", "{entry} 的缩略图与该文件不符。"},
	"content.differs":   {"{entry} is not the file that was recorded.", "条目 {entry} 与记录的文件不符。"},

	"pages.ok":      {"The certificate and the other texts for people are those that the proofs give.", "证明书及其他供阅读的文本均与证明一致。"},
	"pages.part":    {"The certificate as HTML and the other texts for people are those that the proofs give; the PDF was not compared.", "网页版证明书及其他供阅读的文本均与证明一致；PDF 未比对。"},
	"pages.texts":   {"The texts for people are those that the proofs give; the pages of the certificate were not compared.", "供阅读的文本均与证明一致；证明书页面未比对。"},
	"pages.edition": {"The certificate and the other texts were made by another edition of this program, and not compared. Rely on this report.", "证明书及其他文本由本程序的其他版本制作，未予比对，请以本报告为准。"},
	"pages.differs": {"{entry} does not say what the proofs give.", "条目 {entry} 的内容与证明不符。"},

	"custody.absent": {"The package has no log of custody.", "文件包不含保管记录。"},
	"time.absent":    {"The package has no time stamp from outside the ledger.", "文件包不含账本之外的时间戳。"},
	"renewal.absent": {"The package has no later renewal.", "文件包不含后续更新。"},
}
