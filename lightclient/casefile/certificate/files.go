package certificate

import (
	"fmt"

	"evident/lightclient/casefile"
)

// together says which of the files that the record holds together the proof is of.
func (p composer) together(r *casefile.Record) {
	for _, e := range r.Entries {
		p.add(Rows{
			{p.Say("One of many files", "批量文件之一"), orDash(e.Name)},
			{p.Say("Bytes", "字节数"), text(fmt.Sprint(e.Size))},
			{"SHA-256", hexadecimal(e.SHA256)},
			{"CID", code(e.CID)},
		})
	}
}

// storage says who has signed that they keep the record's files, and since when.
func (p composer) storage(r *casefile.Record) {
	if len(r.Storage) == 0 {
		return
	}
	p.add(Paragraph(p.Say("These members signed, each with its node's key, that they keep the record's files:", "以下成员以其节点密钥签署，保存记录的文件：")))
	g := Grid{Head: []string{p.Say("Organisation", "机构"), p.Say("File", "文件"), p.Say("Since, by its clock", "起始时间（其自身时钟）")}, Share: []float64{.4, .3, .3}}
	for _, s := range r.Storage {
		g.Rows = append(g.Rows, []Value{text(s.Organisation), p.fileOf(r, s.CID), text(casefile.Moment(s.Since))})
	}
	p.add(g)
}

// fileOf numbers a file of the record as the certificate does.
func (p composer) fileOf(r *casefile.Record, cid string) Value {
	for i, e := range r.Record.Evidence {
		if e.CID == cid {
			return text(fmt.Sprintf(p.Say("File %d", "文件 %d"), i+1))
		}
	}
	return code(cid)
}
