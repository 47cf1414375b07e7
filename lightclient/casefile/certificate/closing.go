package certificate

import "strings"

// The sections D to H, which the whole case has once.

func (p composer) independentTime() {
	p.section("D", "Independent time", "独立时间")
	p.add(Paragraph(p.Say("The package has no time stamp of an authority outside the ledger, qualified or not.", "文件包不含账本之外机构的时间戳（无论是否合格）。")))
}

func (p composer) custody() {
	p.section("E", "Custody", "保管")
	p.add(
		Paragraph(p.Say("The package has no log of custody. To be kept by hand:", "文件包不含保管记录，可手工填写：")),
		Grid{
			Head:  []string{p.Say("Date, time", "日期时间"), p.Say("What was done", "操作"), p.Say("By whom", "经手人"), p.Say("Signature", "签名")},
			Share: []float64{.2, .34, .23, .23}, Blank: 3,
		},
	)
}

func (p composer) howToVerify() {
	p.section("F", "How to verify", "如何核验")
	p.add(Steps{
		Items: []Value{
			marked(p.Say("With the program: `evident verify case.zip`. It needs no network.", "使用程序：`evident verify case.zip`，无需网络。")),
			marked(p.Say("By hand: unpack the package and follow VERIFY.txt, with sha256sum, openssl and a page of Python.", "手工：解压文件包，依 VERIFY.txt 使用 sha256sum、openssl 与一页 Python。")),
			marked(p.Say("With programs of others: header.tlog-proof and policy.txt are C2SP tlog-proof and policy.", "使用第三方程序：header.tlog-proof 与 policy.txt 为 C2SP 格式。")),
		},
		Code: p.known.Fingerprint.String(),
	})
	p.add(Paragraph(p.Say("All of it rests on the fingerprint of the ledger, which the code shows. Compare it with what the consortium published, not with this page alone:", "一切以账本指纹为准，二维码所示即为该指纹。请与联盟公布者核对，勿仅以本页为准：")))
	words := p.known.Fingerprint.Words()
	p.add(Rows{
		{p.Say("Words", "助记词"), lines(important(strings.Join(words[:6], " ")), important(strings.Join(words[6:], " ")))},
		{p.Say("Fingerprint", "指纹"), hexadecimal(p.known.Fingerprint.String())},
		{p.Say("Manifest, SHA-256", "清单 SHA-256"), hexadecimal(p.Digest)},
		{p.Say("Exported", "导出时间"), text(p.moment(p.manifest.Exported.At) + p.Say(" – by the exporter's clock, not evidence of time", "（导出者时钟，不作为时间证据）"))},
		{p.Say("Exported with", "导出程序"), text(p.manifest.Exporter)},
	})
}

func (p composer) limits() {
	p.section("G", "Limits", "证明的界限")
	p.add(Paragraph(p.Say("This certificate repeats what the proofs in the package show: that each record existed by the time shown, was signed by the keys shown, and was not changed since. It does not show who is the author of a work, who held a key, that a statement is true or lawful, or that a page which was captured was genuine. Copyright arises without registration: this is evidence, not a title. If this page and the proofs differ, the proofs count.",
		"本证明书复述文件包中证明的内容：各记录最迟于所示时间已经存在，由所示密钥签署，其后未被改动。不证明作品的作者、密钥的实际持有人、陈述的真实或合法，亦不证明被采集网页的真实性。著作权无需登记即产生；本件为证据，并非权利证书。本页与证明不一致时，以证明为准。")))
}

func (p composer) qualifiedPerson() {
	p.section("H", "Certification by a qualified person (to be completed)", "有资格者的确认（待填写）")
	p.add(Form{
		p.Say("Name", "姓名"), p.Say("Qualification", "资质"), p.Say("Tool and version", "工具及版本"),
		p.Say("Date and place", "日期与地点"), p.Say("Signature", "签名"),
	})
}
