package design

// thread are the designs that were proposed in the spring of 2023, and what became of them.
func thread() []*Design {
	return []*Design{zbootRFC(), zboot2025(), baskov(), baskovBIOS(), middleGround(), hybrid()}
}
