package kaslr

// restrictions are those that can be lifted, to see what they cost.
type restrictions struct {
	skip      int // index in Plan.Avoid of a range that is not avoided; -1: none
	immovable bool
	hugePages bool
	minimum   bool
	limit     bool
}

// apply lifts those that a plan states by itself.
func (r restrictions) apply(p *Plan) {
	if r.hugePages {
		p.GBPagesLeft = 0
	}
	if r.minimum {
		p.Minimum = p.Align
	}
	if r.limit {
		p.Limit = maxMem5Level
	}
}
