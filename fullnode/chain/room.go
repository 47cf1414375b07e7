package chain

// Room returns ErrDiskFull while there is not enough free space for another block.
func (c *Chain) Room() error { return c.store.room() }
